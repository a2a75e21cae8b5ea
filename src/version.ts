import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('parallel-workers/package.json') as { version: string };

/** The version of this package, as in package.json. */
export const VERSION: string = version;
