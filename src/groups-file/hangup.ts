import type { FastifyBaseLogger } from 'fastify';
import { logRefusal, logReload } from './reload-log.js';
import type { Reloader } from './reloader.js';

/**
 * Reloads the groups file on SIGHUP, and logs what came of it. Without a groups file SIGHUP keeps its own meaning.
 * @returns takes the listener off again
 */
export function reloadOnHangup(reloader: Reloader, log: FastifyBaseLogger): () => void {
  if (reloader.file === undefined) return () => {};
  const listener = async () => {
    try {
      logReload(await reloader.reload(), log);
    } catch (error) {
      logRefusal(error, log);
    }
  };
  process.on('SIGHUP', listener);
  return () => process.off('SIGHUP', listener);
}
