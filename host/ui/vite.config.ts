// How the application is built, and served while somebody works on it. NARTHEX_URL says which
// server answers then.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.NARTHEX_URL ?? 'http://127.0.0.1:9090';
const proxy = Object.fromEntries(
  ['/api', '/metrics', '/-/'].map((path) => [path, { target: server, changeOrigin: false }]),
);

export default defineConfig({
  // The page says where it begins; everything else is found from there.
  base: './',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy },
  test: { include: ['app/**/*.test.ts', 'app/**/*.test.tsx'] },
});
