import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

/** Where the build puts the dashboard. */
const PAGE = fileURLToPath(new URL('../page', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Stricter than for other pages: everything comes from here, and nothing is written into the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface PageFile {
  readonly type: string;
  readonly plain: Buffer;
  /** None when the build has left no compressed copy of it. */
  readonly gzipped: Buffer | undefined;
}

export interface PageOptions {
  /** Where its files are, if not where the build puts them. */
  readonly folder?: string;
}

/**
 * The dashboard. Its files are read once: they are small. It loads without a token, since a browser has none to send;
 * for what it shows it calls the API, as any client.
 */
export const pageRoutes: FastifyPluginAsync<PageOptions> = async (app, { folder = PAGE }) => {
  // As in a checkout of which only the service was built.
  if (!existsSync(join(folder, 'index.html'))) {
    app.log.warn('there is no dashboard: it was not built');
    return;
  }
  const index = readPageFile(folder, 'index.html');
  app.get('/', { config: { access: 'page' }, schema: { hide: true } }, async (request, reply) =>
    // Asked for anew each time: it names the others, which are of one version.
    send(request, reply, index, 'no-cache'),
  );
  const assets = join(folder, 'assets');
  for (const name of readdirSync(assets).filter((file) => !file.endsWith('.gz'))) {
    const asset = readPageFile(assets, name);
    // A route for each: what is not there is an unknown path, as any other. Another content has another name.
    app.get(
      `/assets/${name}`,
      { config: { access: 'page' }, schema: { hide: true } },
      async (request, reply) => send(request, reply, asset, 'public, max-age=31536000, immutable'),
    );
  }
};

function readPageFile(folder: string, name: string): PageFile {
  const type = TYPES[extname(name)] ?? 'application/octet-stream';
  const path = join(folder, name);
  const compressed = `${path}.gz`;
  return {
    type,
    plain: readFileSync(path),
    gzipped: existsSync(compressed) ? readFileSync(compressed) : undefined,
  };
}

function send(request: FastifyRequest, reply: FastifyReply, file: PageFile, caching: string): FastifyReply {
  const encodings = String(request.headers['accept-encoding'] ?? '');
  // Not Brotli, which browsers take over TLS alone.
  const compressed = /(^|,)\s*gzip\s*(,|$)/.test(encodings) ? file.gzipped : undefined;
  reply.headers({
    'content-type': file.type,
    'cache-control': caching,
    'content-security-policy': POLICY,
    vary: 'accept-encoding',
    ...(compressed !== undefined && { 'content-encoding': 'gzip' }),
  });
  return reply.send(compressed ?? file.plain);
}
