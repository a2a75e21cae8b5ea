import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { VERSION } from '../version.js';

/** The OpenAPI document at /openapi.json, and a page of it at /docs. Registered before the routes it describes. */
export const docs = fp(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'parallel-workers',
          version: VERSION,
          description:
            'Register groups of workers, start and stop them, together or by name, and see their work measured.',
          license: { name: 'MIT', identifier: 'MIT' },
        },
        servers: [{ url: '/', description: 'This service.' }],
        // Reaching the service is the permission to use it; it listens on loopback.
        security: [],
        tags: [
          { name: 'groups', description: 'What groups there are, and what they are made of.' },
          { name: 'lifecycle', description: 'Start, stop and restart.' },
          { name: 'health', description: 'For supervisors and Prometheus.' },
        ],
      },
      refResolver: {
        buildLocalReference: (schema, _base, _fragment, index) => String(schema['$id'] ?? `schema-${index}`),
      },
    });
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { deepLinking: true },
      logLevel: 'warn',
    });
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  },
  { name: 'docs' },
);
