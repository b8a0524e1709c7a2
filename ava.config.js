export default {
  files: ['**/*.test.ts', '!dist/**', '!bench/peers/**'],
  extensions: { ts: 'module' },
  require: ['./register.mjs'],
  workerThreads: false,
  concurrency: 2,
  timeout: '120s',
};
