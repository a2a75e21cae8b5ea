import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { pageRoutes } from '#dist/api/page.js';
import { temporaryDirectory } from '../support/temporary.js';

test('a file of the page without its compressed copy is sent as it is', async (t) => {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), 'the page');
  writeFileSync(join(folder, 'assets', 'a.js'), 'plain');
  writeFileSync(join(folder, 'assets', 'b.js'), 'both');
  writeFileSync(join(folder, 'assets', 'b.js.gz'), gzipSync('both'));
  const app = Fastify();
  t.after(() => app.close());
  await app.register(pageRoutes, { folder });
  const get = async (url: string) => {
    const { statusCode, headers, rawPayload } = await app.inject({
      url,
      headers: { 'accept-encoding': 'gzip' },
    });
    return { statusCode, encoding: headers['content-encoding'], vary: headers['vary'], rawPayload };
  };
  const plain = { statusCode: 200, encoding: undefined, vary: 'accept-encoding' };
  assert.deepEqual(await get('/'), { ...plain, rawPayload: Buffer.from('the page') });
  assert.deepEqual(await get('/assets/a.js'), { ...plain, rawPayload: Buffer.from('plain') });
  const compressed = { ...plain, encoding: 'gzip', rawPayload: gzipSync('both') };
  assert.deepEqual(await get('/assets/b.js'), compressed);
});
