import { expect, test } from 'vitest';
import { DEFAULT_LOG_CAP_BYTES } from '../../../src/engine/log-capture.js';
import { runLoud } from '../../support/loud.js';

const MB = 1_000_000;

test.each([
  ['lines of 80 bytes that are no text', 80],
  ['one line', 160 * MB],
])(
  '160 MB of log, %s: the cap holds, the memory of the parent is that of a quiet run',
  async (_, lineBytes) => {
    const [quiet, noisy] = [await runLoud(80, 80), await runLoud(160 * MB, lineBytes)];
    expect(noisy).toMatchObject({ exitCode: 1, message: 'all is printed' });
    expect(noisy.logBytes).toBeGreaterThan(0.9 * DEFAULT_LOG_CAP_BYTES);
    expect(noisy.logBytes).toBeLessThan(DEFAULT_LOG_CAP_BYTES + 1000);
    expect(noisy.bytes).toBeLessThan(DEFAULT_LOG_CAP_BYTES + 1 * MB);
    // People are told a part of it that a screen can show.
    expect(noisy.tailLength).toBeLessThan(40_000);
    // Two runs of one program differ by some MB; a log that passed through the parent would show as hundreds.
    expect(noisy.peakMb - quiet.peakMb).toBeLessThan(30);
  },
);
