import { createServer, type ListenOptions, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Further addresses of a server. Who comes in there is the server's, with its bounds on time, size and number; only the
 * server does not wait for these connections when it closes, so that is done here.
 */
export class Doors {
  readonly #server: FastifyInstance;
  readonly #doors = new Set<Server>();
  #closing = false;

  constructor(server: FastifyInstance) {
    this.#server = server;
  }

  /** Listens there. @throws what the system says */
  async open(options: ListenOptions): Promise<Server> {
    const { server, log } = this.#server;
    const door = createServer({ noDelay: true }, (connection) => server.emit('connection', connection));
    await new Promise<void>((resolve, reject) => {
      door.once('error', reject);
      door.listen(options, () => {
        door.off('error', reject);
        resolve();
      });
    });
    door.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
    this.#doors.add(door);
    if (this.#closing) door.close();
    return door;
  }

  /** Lets nobody in any more, and waits until everybody has left: for that the server has to close, too. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = [...this.#doors].map((door) => new Promise((resolve) => door.close(resolve)));
    await Promise.all(closed);
  }
}
