import { cp } from 'node:fs/promises';
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const PDFJS = fileURLToPath(new URL('node_modules/pdfjs-dist', import.meta.url));
const PDFJS_DATA = ['cmaps', 'standard_fonts', 'wasm', 'iccs'];

/** Serves what pdf.js fetches at run time (fonts, character maps, decoders) under /pdfjs/. */
function pdfjsData(): Plugin {
  let outDir = 'dist';
  return {
    name: 'pdfjs-data',
    configResolved(config) {
      outDir = config.build.outDir;
    },
    configureServer(server) {
      server.middlewares.use('/pdfjs', (request, response, next) => {
        const file = `${PDFJS}${decodeURIComponent(request.url ?? '').split('?')[0]}`;
        if (file.includes('..') || !existsSync(file)) {
          next();
          return;
        }
        if (file.endsWith('.js')) response.setHeader('Content-Type', 'text/javascript');
        createReadStream(file).pipe(response);
      });
    },
    async writeBundle() {
      for (const folder of PDFJS_DATA) {
        await cp(`${PDFJS}/${folder}`, `${outDir}/pdfjs/${folder}`, { recursive: true });
      }
    },
  };
}

/** Where `npm run dev` finds a running Brainstem. */
const backend = process.env.BRAINSTEM_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), pdfjsData()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      '^/(api|admin|static|stream|v1)/': { target: backend },
      '/ws': { target: backend, ws: true },
    },
  },
  build: { target: 'es2022', reportCompressedSize: false, assetsInlineLimit: 0 },
  test: { environment: 'node', include: ['src/**/*.test.{ts,tsx}'] },
});
