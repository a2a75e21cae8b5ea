import { count, NOTHING } from '../readings/quantities.js';
import { levelColour, paint } from './colour.js';
import { harmless, printableLine } from './printable.js';

/** A line of NDJSON as it came, and what is known of it. */
export interface Told {
  readonly raw: string;
  /** Undefined where it has none, as where lines are missing. */
  readonly seq: number | undefined;
  /** Undefined when it is no object of JSON. */
  readonly line: Readonly<Record<string, unknown>> | undefined;
}

export interface LogStyle {
  readonly json: boolean;
  readonly colour: boolean;
  /** Whether some lines are left out: how many of those that are missing would have been shown, nobody knows. */
  readonly filtered: boolean;
}

export function readTold(raw: string): Told {
  const line = parsedObject(raw);
  const seq = line?.['seq'];
  return { raw, line, seq: typeof seq === 'number' ? seq : undefined };
}

/** The line for people, `time level worker text fields`, or as it came; a terminal does not act on anything in it. */
export function logText({ raw, line }: Told, { json, colour, filtered }: LogStyle): string {
  if (json) return harmless(raw);
  const paintIf = (text: string, wanted: Parameters<typeof paint>[1]) =>
    colour ? paint(text, wanted) : text;
  const lost = line?.['lost'];
  if (typeof lost === 'number')
    return paintIf(`-- ${filtered ? 'up to ' : ''}${count(lost)} lines are missing --`, 'yellow');
  // Of a newer service: shown is better than left out.
  if (line === undefined || typeof line['text'] !== 'string') return printableLine(raw);
  const { time, level, workerId, text, fields } = line;
  const word = printableLine(String(level)).padEnd(5);
  const shown = [
    paintIf(printableLine(String(time)), 'dim'),
    paintIf(word, levelColour(String(level))),
    printableLine(String(workerId ?? NOTHING)).padStart(2),
    printableLine(text),
  ];
  const compact = isObject(fields) ? printableLine(fieldsText(fields)) : '';
  if (compact !== '') shown.push(paintIf(compact, 'dim'));
  return shown.join(' ').trimEnd();
}

/** As `record=17 path="a b"`: what is more than one word is JSON. */
function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(
      ([key, value]) => `${asWord(key)}=${typeof value === 'string' ? asWord(value) : JSON.stringify(value)}`,
    )
    .join(' ');
}

function asWord(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
