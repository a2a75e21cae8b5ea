import type { IncomingHttpHeaders } from 'node:http';
import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';

/**
 * Refuses what pages of others send, whatever the method. Browsers say in `Origin` whose page a request comes from
 * when it is not a plain GET, and in `Sec-Fetch-Site` for the rest. After the check of Host, which it builds on.
 */
export const origins = fp(
  async (app) => {
    app.addHook('onRequest', async ({ raw: { headers } }) => {
      const { origin, host } = headers;
      if (origin !== undefined && !isSameOrigin(origin, host)) {
        const detail = `Pages of the origin "${origin}" may not call the service; only its own may.`;
        throw new ProblemError('origin_not_allowed', detail);
      }
      if (isEmbedded(headers))
        throw new ProblemError('origin_not_allowed', 'Pages of other origins may not call the service.');
    });
  },
  { name: 'origins' },
);

/** `null`, the origin of sandboxed frames and of files, is none that anybody shares. */
export function isSameOrigin(origin: string, host: string | undefined): boolean {
  const [, scheme] = /^(https?):\/\/[^/?#@\\\s,]+$/i.exec(origin) ?? [];
  if (scheme === undefined || host === undefined) return false;
  // With the scheme of the origin: behind a proxy that ends TLS it is https. The parser leaves out default ports.
  const own = `${scheme}://${host}`;
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).host === new URL(own).host;
}

/** A picture, a script or a fetch in a page of somebody else; not a link to here that somebody followed. */
function isEmbedded(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  const foreign = site === 'cross-site' || site === 'same-site';
  return foreign && headers['sec-fetch-mode'] !== 'navigate';
}
