import { lookup } from 'node:dns/promises';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config-error.js';
import type { Doors } from './doors.js';
import { listenPrivately } from './unix-socket.js';

/**
 * Has the server listen on TCP, on a Unix socket, or on both.
 * @param doors for all addresses but the first
 * @throws ConfigError when an address cannot be had
 */
export async function listen(
  server: FastifyInstance,
  { tcp, socket }: Pick<Config, 'tcp' | 'socket'>,
  doors: Doors,
): Promise<void> {
  if (tcp !== undefined) await listenOnTcp(server, tcp, doors);
  else if (socket !== undefined) await listenPrivately(socket, () => server.listen({ path: socket }));
  // Of a connection that could not be accepted, for want of descriptors: those that stand go on.
  server.server.on('error', (err) => server.log.warn({ err }, 'a connection could not be accepted'));
  if (tcp === undefined || socket === undefined) return;
  await listenPrivately(socket, () => doors.open({ path: socket }));
  server.log.info(`Server listening at ${socket}`);
}

async function listenOnTcp(
  server: FastifyInstance,
  { host, port }: { host: string; port: number },
  doors: Doors,
): Promise<void> {
  try {
    // Given a name, Fastify would make a server for each further address, without this one's bounds.
    const [first, ...others] = await lookup(host, { all: true });
    await server.listen({ host: first?.address ?? host, port });
    if (host !== 'localhost') return;
    const { port: taken } = server.server.address() as AddressInfo;
    for (const { address } of others) await listenToo(server, doors, { host: address, port: taken });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'EADDRINUSE' ? 'another program uses it; choose one with PW_PORT' : message;
    throw new ConfigError(`cannot listen on ${host} port ${port}: ${advice}`);
  }
}

/** On another address of localhost. The service can do without: a machine may name ::1 and not have it. */
async function listenToo(
  server: FastifyInstance,
  doors: Doors,
  { host, port }: { host: string; port: number },
): Promise<void> {
  try {
    await doors.open({ host, port });
    server.log.info(`Server listening at http://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  } catch (error) {
    server.log.warn(`not listening on ${host}: ${(error as Error).message}`);
  }
}
