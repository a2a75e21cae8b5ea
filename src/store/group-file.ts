import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Registration } from '../coordinator/group-store.js';
import { GroupRegistration } from '../schemas/group-spec.js';
import { DESIRED_STATES, ORIGINS } from '../schemas/states.js';

/** Goes up when files of a new version mean something else to an old one. */
const FORMAT = 1;

const Kept = Type.Object(
  {
    spec: GroupRegistration,
    workerIds: Type.Array(Type.Integer({ minimum: 0 }), { uniqueItems: true }),
    order: Type.Integer({ minimum: 0 }),
    desired: Type.Enum([...DESIRED_STATES]),
    origin: Type.Enum([...ORIGINS]),
    completed: Type.Boolean(),
  },
  { additionalProperties: false },
);

/** A file cannot be used; the message says why. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** A registration as the text of its file. */
export function writeGroup({ spec, workerIds, order, desired, origin, completed }: Registration): string {
  return seal({ spec, workerIds, order, desired, origin, completed });
}

/** The highest worker id that may have been given out, and one: as the text of its file. */
export function writeNextId(next: number): string {
  return seal(next);
}

/** @throws UnusableFile */
export function readGroup(bytes: Buffer, name: string): Registration {
  const content = unseal(bytes);
  // A newer version may have added fields, which have defaults.
  const registration = Value.Default(Kept, content);
  if (!Value.Check(Kept, registration)) {
    const [first] = Value.Errors(Kept, registration);
    const where = first === undefined || first.instancePath === '' ? 'it' : first.instancePath;
    throw new UnusableFile(`${where} ${first?.message ?? 'is not valid'} in this version`);
  }
  const { spec, workerIds } = registration;
  if (spec.name !== name) throw new UnusableFile(`it is the file of group "${spec.name}"`);
  if (workerIds.length !== spec.workers)
    throw new UnusableFile(`it has ${workerIds.length} worker ids for ${spec.workers} workers`);
  return registration;
}

/** @throws UnusableFile */
export function readNextId(bytes: Buffer): number {
  const next = unseal(bytes);
  if (Number.isSafeInteger(next) && Number(next) >= 0) return Number(next);
  throw new UnusableFile('it has no worker id');
}

function seal(content: unknown): string {
  const checksum = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return `${JSON.stringify({ format: FORMAT, checksum, content })}\n`;
}

/** Only what `seal` has written, to the last byte, comes through. */
function unseal(bytes: Buffer): unknown {
  let file: unknown;
  try {
    file = JSON.parse(bytes.toString());
  } catch {
    throw new UnusableFile(bytes.length === 0 ? 'it is empty' : 'it is damaged: no JSON');
  }
  if (typeof file === 'object' && file !== null && 'format' in file) {
    const { format } = file;
    if (typeof format === 'number' && format > FORMAT)
      throw new UnusableFile(
        `it was written by a newer version (format ${format}; this one knows ${FORMAT})`,
      );
    if ('content' in file && bytes.equals(Buffer.from(seal(file.content)))) return file.content;
  }
  throw new UnusableFile('it is damaged: its checksum does not fit');
}
