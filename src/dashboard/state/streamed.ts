import { Changes } from './changes.js';
import { type Followed, Follower } from './follower.js';

/** What comes by a stream, as long as somebody looks and the service answers. */
export class Streamed extends Changes {
  readonly #follower: Follower;
  #trouble: string | undefined;

  constructor(followed: Omit<Followed, 'trouble'>) {
    super();
    this.#follower = new Follower({
      ...followed,
      trouble: (why) => {
        if (why === this.#trouble) return;
        this.#trouble = why;
        this.changed();
      },
    });
  }

  /** Why the service gives no stream; undefined: it does. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  run(watching: boolean): void {
    if (watching) this.#follower.start();
    else this.#follower.stop();
  }
}
