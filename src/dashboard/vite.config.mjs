// The dashboard, from here into the package: `npm run build` calls it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** Compresses what the page loads once, here, and not whenever it is asked for. */
const compressed = {
  name: 'compressed',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const content = file.type === 'chunk' ? file.code : file.source;
        const source = gzipSync(Buffer.from(content), { level: 9 });
        this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source });
      }
    },
  },
};

/** What is bundled is under licenses that want to be where a copy of it is. */
const licenses = {
  name: 'licenses',
  generateBundle() {
    const texts = ['preact', 'uplot'].map(
      (name) =>
        `${name}\n\n${readFileSync(new URL(`../../node_modules/${name}/LICENSE`, import.meta.url), 'utf8')}`,
    );
    this.emitFile({ type: 'asset', fileName: 'third-party-licenses.txt', source: texts.join('\n') });
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the page may be behind a prefix.
  base: './',
  publicDir: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../dist/page', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    // Nothing in data: URLs, so that the policy of the page need not allow them.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  plugins: [compressed, licenses],
});
