import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';

/** Browsers send about 20, proxies add some. */
const MAX_HEADERS = 128;

/** How often the header is there. Node keeps only the first of those that decide who may call. */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === name).length;
}

/** Refuses requests that two readers could read in two ways: what the checks see has to be what is meant. */
export const requestShape = fp(
  async (app) => {
    // Node drops what is beyond its maximum, silently: Origin could be among it. Here all are seen, and counted.
    app.server.maxHeadersCount = 0;
    app.addHook('onRequest', async ({ raw: { url = '', rawHeaders } }, reply) => {
      if (rawHeaders.length / 2 > MAX_HEADERS) {
        reply.header('connection', 'close');
        const detail = `The request has ${rawHeaders.length / 2} headers; send ${MAX_HEADERS} at most.`;
        throw new ProblemError('headers_too_large', detail);
      }
      if (!url.startsWith('/') && url !== '*') {
        // The form that proxies are sent. Its host would count, and not that of the Host header.
        const detail = 'The target of the request must be a path, such as /v1/groups; this is no proxy.';
        throw new ProblemError('invalid_request', detail);
      }
      if (countHeader(rawHeaders, 'host') > 1)
        throw new ProblemError('invalid_request', 'The request has several Host headers: send one.');
    });
  },
  { name: 'request-shape' },
);
