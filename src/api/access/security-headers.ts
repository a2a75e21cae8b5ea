import fp from 'fastify-plugin';
import { accessOf } from './route-access.js';

const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

/** Answers that nobody keeps and that, shown in a browser, can do nothing. */
const DATA = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Pages load from here alone, run no script that is written into them, and are framed by nobody. */
const PAGE = {
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    // Swagger UI writes styles into its elements.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
};

/** What tells browsers to be careful with every answer, refusals included: so it comes before all checks. */
export const securityHeaders = fp(
  async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(ALWAYS).headers(accessOf(request) === 'page' ? PAGE : DATA);
    });
  },
  { name: 'security-headers' },
);
