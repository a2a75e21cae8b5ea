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
        // A token is asked for only if the service was given one.
        security: [{ token: [] }, {}],
        components: {
          securitySchemes: {
            token: {
              type: 'http',
              scheme: 'bearer',
              description: 'The value of PW_TOKEN, or of PW_READ_TOKEN for what changes nothing.',
            },
          },
        },
        tags: [
          { name: 'groups', description: 'What groups there are, and what they are made of.' },
          { name: 'lifecycle', description: 'Start, stop and restart.' },
          { name: 'watch', description: 'What happens, and what workers say.' },
          { name: 'health', description: 'For supervisors and Prometheus.' },
        ],
      },
      refResolver: {
        buildLocalReference: (schema, _base, _fragment, index) => String(schema['$id'] ?? `schema-${index}`),
      },
    });
    await app.register(async (pages) => {
      pages.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'page' };
      });
      await pages.register(swaggerUi, {
        routePrefix: '/docs',
        uiConfig: { deepLinking: true },
        logLevel: 'warn',
      });
    });
    app.get('/openapi.json', { config: { access: 'page' }, schema: { hide: true } }, async () =>
      app.swagger(),
    );
  },
  { name: 'docs' },
);
