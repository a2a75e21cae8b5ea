import type { FeedPut } from './items.js';

export interface Waiting {
  readonly workerId: number;
  readonly put: FeedPut;
}

/** Puts that wait for room, and whose turn it is. */
export interface FeedLine {
  readonly isEmpty: boolean;
  join(workerId: number, index: number): void;
  leave(workerId: number): void;
  push(workerId: number, put: FeedPut): void;
  /** Who is next; undefined when nobody waits, or the one whose turn it is has nothing yet. */
  peek(): Waiting | undefined;
  /** Takes away what `peek` has shown. */
  shift(): void;
  has(workerId: number): boolean;
  /** Takes all puts of one worker away and returns them. */
  remove(workerId: number): FeedPut[];
  clear(): FeedPut[];
}

/** Every worker that waits gets one in before any gets its second: who puts much does not push the others out. */
export class FairLine implements FeedLine {
  /** Workers that wait, the next one first. */
  readonly #waiting = new Map<number, FeedPut[]>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  join(): void {}

  leave(): void {}

  push(workerId: number, put: FeedPut): void {
    const puts = this.#waiting.get(workerId);
    if (puts === undefined) this.#waiting.set(workerId, [put]);
    else puts.push(put);
  }

  peek(): Waiting | undefined {
    for (const [workerId, [put]] of this.#waiting) return put && { workerId, put };
    return undefined;
  }

  shift(): void {
    for (const [workerId, puts] of this.#waiting) {
      puts.shift();
      // To the end of the line, if it has more.
      this.#waiting.delete(workerId);
      if (puts.length > 0) this.#waiting.set(workerId, puts);
      return;
    }
  }

  has(workerId: number): boolean {
    return this.#waiting.has(workerId);
  }

  remove(workerId: number): FeedPut[] {
    const puts = this.#waiting.get(workerId) ?? [];
    this.#waiting.delete(workerId);
    return puts;
  }

  clear(): FeedPut[] {
    const puts = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    return puts;
  }
}

interface Member {
  readonly workerId: number;
  readonly index: number;
  puts: FeedPut[];
  /** It has no more to put than what waits. */
  leaving: boolean;
}

/**
 * One item of each worker in turn, by index, whoever is quicker: the same in every run. Who has nothing is waited for,
 * as long as it takes part; one that failed and starts again still does.
 */
export class OrderedLine implements FeedLine {
  /** By index. */
  #members: Member[] = [];
  /** Place of the next in `#members`. */
  #turn = 0;

  get isEmpty(): boolean {
    return this.#members.every(({ puts }) => puts.length === 0);
  }

  join(workerId: number, index: number): void {
    const known = this.#find(workerId);
    if (known !== undefined) {
      known.leaving = false;
      return;
    }
    const after = this.#members.findIndex((member) => member.index > index);
    const place = after === -1 ? this.#members.length : after;
    this.#members.splice(place, 0, { workerId, index, puts: [], leaving: false });
    if (place < this.#turn) this.#turn++;
  }

  leave(workerId: number): void {
    const member = this.#find(workerId);
    if (member === undefined) return;
    member.leaving = true;
    this.#sweep(member);
  }

  push(workerId: number, put: FeedPut): void {
    this.#find(workerId)?.puts.push(put);
  }

  peek(): Waiting | undefined {
    const member = this.#members[this.#turn];
    const put = member?.puts[0];
    return member && put && { workerId: member.workerId, put };
  }

  shift(): void {
    const member = this.#members[this.#turn];
    if (member === undefined) return;
    member.puts.shift();
    this.#turn = (this.#turn + 1) % this.#members.length;
    this.#sweep(member);
  }

  has(workerId: number): boolean {
    return (this.#find(workerId)?.puts.length ?? 0) > 0;
  }

  remove(workerId: number): FeedPut[] {
    const member = this.#find(workerId);
    if (member === undefined) return [];
    const { puts } = member;
    member.puts = [];
    this.#sweep(member);
    return puts;
  }

  clear(): FeedPut[] {
    return this.#members.flatMap((member) => member.puts.splice(0));
  }

  #find(workerId: number): Member | undefined {
    return this.#members.find((member) => member.workerId === workerId);
  }

  /** Who leaves and has nothing left is out of the round. */
  #sweep(member: Member): void {
    if (!member.leaving || member.puts.length > 0) return;
    const place = this.#members.indexOf(member);
    this.#members.splice(place, 1);
    if (place < this.#turn) this.#turn--;
    if (this.#turn >= this.#members.length) this.#turn = 0;
  }
}
