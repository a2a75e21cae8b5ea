/** What a worker puts. */
export interface FeedPut {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** JSON in ASCII; undefined for none. */
  readonly meta: string | undefined;
  /** Called once: true when the queue has taken the item, false when it will not, because the worker or the feed ends. */
  settle(taken: boolean): void;
  /** Called once: nobody needs the memory of the item any more. */
  readonly release: () => void;
}

/** An item that the queue has taken. */
export interface FeedItem extends Omit<FeedPut, 'settle'> {
  readonly workerId: number;
  /** Number of the item among those of its worker, from 0, since the group was started. */
  readonly sequence: number;
}

/** What an item takes of the room for bytes. */
export function weightOf({ bytes, meta }: Pick<FeedItem, 'bytes' | 'meta'>): number {
  return bytes.byteLength + (meta?.length ?? 0);
}

/** What is delivered: never nothing. */
export type FeedItems = readonly [FeedItem, ...FeedItem[]];

/** Items on their way to one taker. Ends with `confirmed` or `undo`, whichever is called first. */
export interface Delivery {
  readonly items: FeedItems;
  /** All of it is written: its room is free for others. */
  written(): void;
  /** The taker has it. */
  confirmed(): void;
  /** The taker does not have it: it goes back to the head, in its order. */
  undo(): void;
}

/** What a group says of its feed. */
export interface FeedRules {
  /** The most items that wait, or are being written. */
  readonly capacity: number;
  /** The most bytes of them together. */
  readonly maxBytes: number;
  /** Whether items come in the order worker 0, 1, ..., n - 1, 0, ... */
  readonly ordered: boolean;
}
