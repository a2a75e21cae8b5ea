import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.js';
import type { Settings } from './settings.js';

/** Largest file that is taken for one of a token. */
const MAX_BYTES = 4096;

/** What fits into a header as it is: visible ASCII. */
const TOKEN = /^[\x21-\x7e]+$/;

export interface Tokens {
  /** For every call; undefined when nobody has to bring one. */
  readonly token: string | undefined;
  /** For calls that change nothing. */
  readonly readToken: string | undefined;
}

/** The tokens of the settings, from their files where these are given. @throws ConfigError */
export function readTokens(settings: Settings): Tokens {
  const token = readToken('PW_TOKEN', settings.PW_TOKEN, settings.PW_TOKEN_FILE);
  const second = readToken('PW_READ_TOKEN', settings.PW_READ_TOKEN, settings.PW_READ_TOKEN_FILE);
  if (second !== undefined && token === undefined) {
    throw new ConfigError(
      'PW_READ_TOKEN needs PW_TOKEN beside it: without one every call is open to everybody',
    );
  }
  if (second !== undefined && second === token) {
    throw new ConfigError('PW_READ_TOKEN is the same as PW_TOKEN: whoever has it could change everything');
  }
  return { token, readToken: second };
}

/** A token, from its file where that is given; undefined when neither is. @throws ConfigError */
export function readToken(
  name: string,
  value: string | undefined,
  file: string | undefined,
): string | undefined {
  if (value !== undefined && file !== undefined) {
    throw new ConfigError(`${name} and ${name}_FILE are both set: leave one of them out`);
  }
  const token = file === undefined ? value : readFile(`${name}_FILE`, file);
  if (token === undefined || TOKEN.test(token)) return token;
  throw new ConfigError(
    `${file === undefined ? name : `${name}_FILE=${file}`} is not a token: it must have visible ASCII characters only, without spaces, and at least one`,
  );
}

function readFile(name: string, path: string): string {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${name}=${path} cannot be read: ${(error as Error).message}`);
  }
  if (content.length > MAX_BYTES) throw new ConfigError(`${name}=${path} is too large to be a token`);
  return content.toString('utf8').trim();
}
