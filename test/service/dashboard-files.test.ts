import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { listeningApp } from '../support/listening-app.js';

/** What the page may weigh, compressed. */
const MOST_BYTES = 60_000;

test('the dashboard is small, comes from here alone, and can be kept', async (t) => {
  const { fetch, url } = await listeningApp(t, { access: { token: 'x' } });
  const page = await fetch('GET', '/');
  assert.equal(page.status, 200);
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const parts = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  assert.deepEqual(
    parts.map((path) => /^\.\/assets\/[\w-]+\.(\w+)$/.exec(path)?.[1]).sort(),
    ['css', 'js', 'svg'],
    'relative, so that a proxy may serve them below a path',
  );
  let bytes = gzipSync(String(page.body)).length;
  for (const path of parts) {
    const { status, headers, body } = await fetch('GET', path.slice(1));
    assert.equal(status, 200, path);
    assert.match(headers.get('cache-control') ?? '', /immutable/);
    assert.match(
      headers.get('content-type') ?? '',
      /^(text\/(javascript|css); charset=utf-8|image\/svg\+xml)$/,
    );
    assert.equal(headers.get('content-encoding'), 'gzip', 'as this client accepts it');
    bytes += gzipSync(String(body)).length;
  }
  assert.ok(bytes < MOST_BYTES, `it is ${bytes} bytes`);
  t.diagnostic(`the page is ${bytes} bytes in gzip`);

  const plain = await globalThis.fetch(url, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(plain.headers.get('vary'), 'accept-encoding');
  assert.equal(await plain.text(), page.body);
});

test('what is bundled goes with its licenses', () => {
  const text = readFileSync(new URL(import.meta.resolve('#dist/page/third-party-licenses.txt')), 'utf8');
  for (const holder of [/Jason Miller/, /Leon Sorokin/]) assert.match(text, holder);
});

test('nothing but its own files runs on the dashboard', async (t) => {
  const { fetch } = await listeningApp(t);
  const { headers, body } = await fetch('GET', '/');
  assert.equal(
    headers.get('content-security-policy'),
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('referrer-policy'), 'no-referrer');
  assert.equal(headers.get('x-frame-options'), 'DENY');
  assert.doesNotMatch(body, /https?:|<style|\sstyle=|\son\w+=|<script(?![^>]*src=)/);
});
