import { writeAtomic } from '../atomic-write.js';
import { malformed, truncated } from './byte-reader.js';

/** A set of vertices (FreeSurfer `.label`). The file does not say which hemisphere it is of. */
export interface VertexLabel {
  /** Shape (k); -1 for a point that was not assigned to a vertex. */
  readonly indices: Int32Array;
  /** Shape (k, 3), mm. */
  readonly coordinates: Float64Array;
  /** Shape (k), the statistic of each vertex. */
  readonly values: Float64Array;
}

/**
 * The text of a FreeSurfer label: a comment, a count, and per line a vertex index, three coordinates and a value.
 *
 * @throws ProcessingError FILE_FORMAT naming the line, or FILE_TRUNCATED
 */
export function parseVertexLabel(bytes: Uint8Array, path: string): VertexLabel {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split(/\r?\n/);
  const start = lines[0]?.startsWith('#') === true ? 1 : 0;
  const count = Number(lines[start]?.trim());
  if (!Number.isSafeInteger(count) || count < 0 || lines[start]?.trim() === '') {
    throw malformed(path, `line ${start + 1} is not a count`, 'give a label written by FreeSurfer');
  }
  if (lines.length - start - 1 < count) throw truncated(path, `its ${count} vertices`);
  const label = {
    indices: new Int32Array(count),
    coordinates: new Float64Array(3 * count),
    values: new Float64Array(count),
  };
  for (let i = 0; i < count; i++) {
    const line = lines[start + 1 + i] ?? '';
    if (line.trim() === '') throw truncated(path, `its ${count} vertices`);
    const numbers = line.trim().split(/\s+/).map(Number);
    const [index = NaN, x = NaN, y = NaN, z = NaN, value = NaN] = numbers;
    if (numbers.length !== 5 || numbers.some(Number.isNaN) || !Number.isSafeInteger(index) || index < -1) {
      throw malformed(
        path,
        `line ${start + 2 + i} is not "vertex x y z value": ${JSON.stringify(line)}`,
        'give a label written by FreeSurfer',
      );
    }
    label.indices[i] = index;
    label.coordinates.set([x, y, z], 3 * i);
    label.values[i] = value;
  }
  return label;
}

/**
 * Writes a FreeSurfer label, atomically.
 *
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeVertexLabel(path: string, label: VertexLabel): Promise<void> {
  const lines = Array.from(label.indices, (index, i) =>
    [index, ...label.coordinates.subarray(3 * i, 3 * i + 3), label.values[i] ?? 0].join(' '),
  );
  await writeAtomic(path, [`#!ascii label`, String(lines.length), ...lines, ''].join('\n'));
}
