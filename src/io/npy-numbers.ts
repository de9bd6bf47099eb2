import { open } from 'node:fs/promises';
import { sizeOf } from './layout.js';
import { readNpyHeader } from './npy.js';
import { readError } from './storage-error.js';

const VALUES_AT_ONCE = 1_048_576;

/** Exponent bits, all of them set in NaN and infinity, within the two bytes that hold sign and exponent. */
const EXPONENT: Readonly<Record<string, number>> = { f2: 0x7c00, f4: 0x7f80, f8: 0x7ff0 };

/**
 * How many numbers a `.npy` file has, and how many of them are neither NaN nor infinite. Reads a few MB at a time.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT or FILE_TRUNCATED
 */
export async function countNpyNumbers(path: string): Promise<{ finite: number; total: number }> {
  const { shape, dtype, offset, bytesPerValue, littleEndian } = await readNpyHeader(path);
  const total = sizeOf(shape);
  const exponent = EXPONENT[dtype];
  if (exponent === undefined) return { finite: total, total };
  let finite = total;
  try {
    await using file = await open(path, 'r');
    const bytes = Buffer.allocUnsafe(Math.min(total, VALUES_AT_ONCE) * bytesPerValue);
    for (let done = 0; done < total; done += VALUES_AT_ONCE) {
      const length = Math.min(VALUES_AT_ONCE, total - done) * bytesPerValue;
      await file.read(bytes, 0, length, offset + done * bytesPerValue);
      for (let at = 0; at < length; at += bytesPerValue) {
        const high = littleEndian ? bytes.readUInt16LE(at + bytesPerValue - 2) : bytes.readUInt16BE(at);
        if ((high & exponent) === exponent) finite--;
      }
    }
  } catch (error) {
    throw readError(error, path);
  }
  return { finite, total };
}
