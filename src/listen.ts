import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, isIPv6, type ListenOptions, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config-error.js';
import { listenPrivately } from './unix-socket.js';

/**
 * Has the server listen on TCP, on a Unix socket, or on both.
 * @throws ConfigError when an address cannot be had
 */
export async function listen(server: FastifyInstance, { tcp, socket }: Config): Promise<void> {
  if (tcp !== undefined) await listenOnTcp(server, tcp);
  if (socket === undefined) return;
  if (tcp === undefined) {
    await listenPrivately(socket, () => server.listen({ path: socket }));
    return;
  }
  await listenPrivately(socket, () => openDoor(server, { path: socket }));
  server.log.info(`Server listening at ${socket}`);
}

async function listenOnTcp(
  server: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<void> {
  try {
    // Given a name, Fastify would make a server for each further address, without this one's bounds.
    const [first, ...others] = await lookup(host, { all: true });
    await server.listen({ host: first?.address ?? host, port });
    if (host !== 'localhost') return;
    const { port: taken } = server.server.address() as AddressInfo;
    for (const { address } of others) await listenToo(server, address, taken);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'EADDRINUSE' ? 'another program uses it; choose one with PW_PORT' : message;
    throw new ConfigError(`cannot listen on ${host} port ${port}: ${advice}`);
  }
}

/** On another address of localhost. The service can do without: a machine may name ::1 and not have it. */
async function listenToo(server: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await openDoor(server, { host, port });
    server.log.info(`Server listening at http://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  } catch (error) {
    server.log.warn(`not listening on ${host}: ${(error as Error).message}`);
  }
}

/** A second door to the same server: its connections are the server's, with its bounds on time, size and number. */
function openDoor(server: FastifyInstance, options: ListenOptions): Promise<Server> {
  const door = createServer({ noDelay: true }, (connection) => server.server.emit('connection', connection));
  server.server.once('close', () => door.close());
  return new Promise((resolve, reject) => {
    door.once('error', reject);
    door.listen(options, () => resolve(door));
  });
}
