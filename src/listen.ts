import { createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config-error.js';
import { listenPrivately } from './unix-socket.js';

/**
 * Has the server listen on TCP, on a Unix socket, or on both.
 * @throws ConfigError when an address cannot be had
 */
export async function listen(server: FastifyInstance, { tcp, socket }: Config): Promise<void> {
  if (tcp === undefined) {
    if (socket !== undefined) await listenPrivately(socket, () => server.listen({ path: socket }));
    return;
  }
  try {
    await server.listen(tcp);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'EADDRINUSE' ? 'another program uses it; choose one with PW_PORT' : message;
    throw new ConfigError(`cannot listen on ${tcp.host} port ${tcp.port}: ${advice}`);
  }
  if (socket !== undefined) await listenBeside(server, socket);
}

/** A second door to the same server: its connections are the server's, with its bounds on time and size. */
async function listenBeside(server: FastifyInstance, path: string): Promise<void> {
  const door = createServer({ noDelay: true, pauseOnConnect: false }, (connection) =>
    server.server.emit('connection', connection),
  );
  await listenPrivately(
    path,
    () =>
      new Promise<void>((resolve, reject) => {
        door.once('error', reject);
        door.listen(path, resolve);
      }),
  );
  server.server.once('close', () => door.close());
  server.log.info(`Server listening at ${path}`);
}
