import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { PROBLEMS, ProblemError } from '../errors.js';
import type { Problem } from '../schemas/problem.js';
import { fieldError } from '../schemas/validation.js';
import { BODY_LIMIT_BYTES, unsupported } from './requests.js';

/** More mistakes than this are counted, not told: a megabyte of them would make an answer of forty. */
const MAX_FIELD_ERRORS = 20;

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** One shape for every error that leaves the service: its own, the framework's, and those nobody thought of. */
export const problems = fp(
  async (app) => {
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const problem = toProblemError(error, request.headers['content-type']);
      if (problem.code === 'internal') request.log.error({ err: error.cause ?? error }, problem.message);
      else if (problem.status >= 500) request.log.warn({ code: problem.code }, problem.message);
      return sendProblem(reply, problem);
    });
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0];
      const detail = `There is no ${request.method} ${path}. GET /openapi.json lists what there is, /docs shows it.`;
      return sendProblem(reply, new ProblemError('route_not_found', detail));
    });
  },
  { name: 'problems' },
);

function problemBody(error: ProblemError): Problem {
  return {
    type: `urn:parallel-workers:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.errors && { errors: [...error.errors] }),
  };
}

/** Answers with the problem. */
export function sendProblem(reply: FastifyReply, error: ProblemError): FastifyReply {
  // Serialised here: a route's response schemas must not get in the way of an error.
  return reply
    .code(error.status)
    .header('content-type', PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemBody(error));
}

/** Answers bytes that are no HTTP request, or one that comes too slowly, before there is a request to reply to. */
export function answerClientError(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new ProblemError('request_timeout', 'The request did not arrive in time. Send it faster.')
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? new ProblemError('headers_too_large', 'The headers are larger than 16 KiB. Send fewer.')
        : new ProblemError('invalid_request', `This is not an HTTP request: ${error.message}`);
  const body = JSON.stringify(problemBody(problem));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The problem that says the same as an error of the framework. */
export function toProblemError(error: FastifyError, contentType?: string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error.validation !== undefined) return invalidRequest(error);
  const because = { cause: error };
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const detail = `The body is larger than ${BODY_LIMIT_BYTES / 2 ** 20} MiB. Put large data into files that the workers read.`;
    return new ProblemError('body_too_large', detail, because);
  }
  const status = error.statusCode ?? 500;
  if (status === PROBLEMS.unsupported_media_type.status) return unsupported(contentType);
  if (status >= 400 && status < 500) return new ProblemError('invalid_request', error.message, because);
  return new ProblemError(
    'internal',
    'Something went wrong in the service; its log has the details.',
    because,
  );
}

function invalidRequest(error: FastifyError): ProblemError {
  const query = error.validationContext === 'querystring';
  const failures = error.validation ?? [];
  const errors = failures.slice(0, MAX_FIELD_ERRORS).map((failure) => {
    const mistake = fieldError(failure);
    return query ? { ...mistake, pointer: mistake.pointer.replace('/', '?') } : mistake;
  });
  const told = errors.map(({ pointer, detail }) => `${pointer === '' ? 'The body' : pointer} ${detail}`);
  if (failures.length > errors.length) told.push(`and ${failures.length - errors.length} more mistakes`);
  const detail = told.join('; ');
  return new ProblemError('invalid_request', detail, { cause: error, errors });
}
