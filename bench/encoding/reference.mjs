/** The arrays of the reference set, as the benchmarks of this folder read them. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { matrix } from 'neuroloom/numerics';

/** Repetition time of the reference, s. */
export const REFERENCE_TR = 1.317025;
/** Ranges of its golden optima. */
export const REFERENCE_BOUNDS = { x: [-13.4, 13.4], y: [-7.5, 7.5], sd: [0.1, 10] };

/** Reads by name from the reference beside `shared`. */
export class Reference {
  constructor(shared) {
    this.directory = join(resolve(shared), 'reference', 'encoding');
    this.manifest = JSON.parse(readFileSync(join(this.directory, 'manifest.json'), 'utf8'));
  }

  /** Shape and values (float64), whatever the stored type. */
  array(name) {
    const { file, dtype, shape } = this.manifest[name];
    const bytes = gunzipSync(readFileSync(join(this.directory, file)));
    const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    return {
      shape,
      values: Float64Array.from(dtype === 'float32le' ? new Float32Array(copy) : new Float64Array(copy)),
    };
  }

  matrix(name) {
    const { shape, values } = this.array(name);
    return matrix(shape[0], shape[1], values);
  }
}
