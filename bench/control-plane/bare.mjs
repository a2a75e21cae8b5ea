// Fastify as it comes, with a route that answers GET and POST with constants.
import Fastify from 'fastify';
import { answerJobs } from '../lib/helper.mjs';

const TYPE = 'application/json; charset=utf-8';

const app = Fastify();
let constant;
app.get('/constant', (_request, reply) => reply.type(TYPE).send(constant));
app.post('/constant', (_request, reply) => reply.code(201).type(TYPE).send(constant));
const url = await app.listen({ host: '127.0.0.1', port: 0 });

answerJobs((answer) => {
  constant = answer;
  return `${url}/constant`;
});
