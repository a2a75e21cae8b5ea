import type { FeedItem } from './items.js';

/** Several items in one answer. */
export const ITEMS_TYPE = 'application/vnd.parallel-workers.items';

/** Bodies up to this size are copied beside their heads: that is cheaper than one more piece to write. */
const COPIED_BYTES = 8 * 1024;
const SCRATCH_BYTES = 256 * 1024;
const KEPT = 8;

/** Memory that answers are put together in, used again and again. */
const kept: Buffer[] = [];

/** What an answer is made of, in pieces that are written one after the other. */
export interface Framed {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  /** The pieces are written, or never will be. */
  release(): void;
}

/**
 * Puts items together as the documentation describes it: for each 4 bytes with the length of its head (big-endian),
 * the head as JSON in ASCII, then its bytes.
 */
export function frame(items: readonly FeedItem[]): Framed {
  const pieces: Uint8Array[] = [];
  const scratches: Buffer[] = [];
  let scratch: Buffer = Buffer.alloc(0);
  let begin = 0;
  let end = 0;
  const flush = () => {
    if (end > begin) pieces.push(scratch.subarray(begin, end));
    begin = end;
  };
  const need = (bytes: number) => {
    if (end + bytes <= scratch.length) return;
    flush();
    scratch = takeScratch(bytes);
    scratches.push(scratch);
    begin = 0;
    end = 0;
  };
  for (const item of items) {
    const head = headOf(item);
    const copied = item.bytes.byteLength <= COPIED_BYTES;
    need(4 + head.length + (copied ? item.bytes.byteLength : 0));
    scratch.writeUInt32BE(head.length, end);
    scratch.write(head, end + 4, 'latin1');
    end += 4 + head.length;
    if (copied) {
      scratch.set(item.bytes, end);
      end += item.bytes.byteLength;
    } else {
      flush();
      pieces.push(item.bytes);
    }
  }
  flush();
  return {
    pieces,
    bytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
    release: () => {
      for (const used of scratches.splice(0))
        if (used.length === SCRATCH_BYTES && kept.length < KEPT) kept.push(used);
    },
  };
}

function headOf({ bytes, contentType, workerId, sequence, meta }: FeedItem): string {
  const type = JSON.stringify(contentType);
  return `{"bytes":${bytes.byteLength},"contentType":${type},"workerId":${workerId},"sequence":${sequence},"meta":${meta ?? 'null'}}`;
}

function takeScratch(bytes: number): Buffer {
  if (bytes > SCRATCH_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return kept.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
}
