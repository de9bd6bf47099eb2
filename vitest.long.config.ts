import { defineConfig } from 'vitest/config';
import { lowerDecorators } from './vitest.config.js';

/** Long proofs: training quality, many kills. Run before a landing of their area, never in `npm test`. */
export default defineConfig({
  plugins: [lowerDecorators()],
  test: {
    include: ['test/long/**/*.test.ts'],
    ...{ pool: 'forks', maxWorkers: 1, testTimeout: 3_600_000, hookTimeout: 600_000 },
  },
});
