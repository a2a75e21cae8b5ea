import { writeFile } from 'node:fs/promises';
import { buildApp } from './app.js';

/** Writes the OpenAPI document of the service to the file named on the command line. */
const [, , path] = process.argv;
if (path === undefined) throw new Error('usage: node openapi.js FILE');
const { server } = await buildApp({ workersDir: '.', maxWorkers: 1, maxGroups: 1 });
await writeFile(path, `${JSON.stringify(server.swagger(), null, 2)}\n`);
await server.close();
