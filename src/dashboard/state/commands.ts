import type { ApiClient } from '../api/client.js';
import { Lost, Refused } from '../api/failures.js';
import type { Command } from '../model/commands.js';
import type { FormErrors } from '../model/registration.js';
import { errorsOf } from '../model/registration.js';
import { Changes } from './changes.js';
import type { Session } from './session.js';

/** Something to tell about a command, until it is put away. */
export interface Notice {
  readonly key: number;
  readonly text: string;
}

/** Sends commands, and knows which are under way and what went wrong. */
export class Commands extends Changes {
  readonly #api: ApiClient;
  readonly #session: Session;
  readonly #underWay = new Map<string, readonly Command[]>();
  #notices: readonly Notice[] = [];
  #next = 0;

  constructor(api: ApiClient, session: Session) {
    super();
    this.#api = api;
    this.#session = session;
  }

  get notices(): readonly Notice[] {
    return this.#notices;
  }

  underWay(name: string): readonly Command[] {
    return this.#underWay.get(name) ?? [];
  }

  putAway(key: number): void {
    this.#notices = this.#notices.filter((notice) => notice.key !== key);
    this.changed();
  }

  putAllAway(): void {
    if (this.#notices.length === 0) return;
    this.#notices = [];
    this.changed();
  }

  /** What goes wrong is among the notices. @returns whether it has begun */
  async run(command: Exclude<Command, 'scale'>, name: string): Promise<boolean> {
    try {
      await this.#during(command, name, () => this.#api[command](name));
      return true;
    } catch (error) {
      this.tell(`Could not ${command} ${name}. ${this.#reason(error)}`);
      return false;
    }
  }

  /** @returns what is wrong; undefined when it has begun */
  async scale(name: string, workers: number): Promise<string | undefined> {
    try {
      await this.#during('scale', name, () => this.#api.scale(name, workers));
      return undefined;
    } catch (error) {
      return this.#reason(error);
    }
  }

  async #during<T>(command: Command, name: string, call: () => Promise<T>): Promise<T> {
    this.#note(name, [...this.underWay(name), command]);
    // What goes on is seen at once, not when it is over.
    this.#session.lookNow();
    try {
      return await call();
    } finally {
      const rest = [...this.underWay(name)];
      rest.splice(rest.indexOf(command), 1);
      this.#note(name, rest);
      this.#session.lookNow();
    }
  }

  /** @returns what is wrong; undefined when the group is registered */
  async register(body: Record<string, unknown>): Promise<FormErrors | undefined> {
    try {
      await this.#api.register(body);
      this.#session.lookNow();
      return undefined;
    } catch (error) {
      const whole = this.#reason(error);
      return error instanceof Refused ? errorsOf(error.problem) : { whole };
    }
  }

  #reason(error: unknown): string {
    if (error instanceof Lost) return `${error.message} Whether it was done is not known.`;
    return error instanceof Error ? error.message : String(error);
  }

  /** Adds a notice. */
  tell(text: string): void {
    this.#notices = [...this.#notices, { key: this.#next++, text }].slice(-5);
    this.changed();
  }

  #note(name: string, commands: readonly Command[]): void {
    if (commands.length === 0) this.#underWay.delete(name);
    else this.#underWay.set(name, commands);
    this.changed();
  }
}
