import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeAtomic, writeError, writeNifti, writeNpy, writeTsv, type TsvCell } from '../../io/index.js';
import { SPMHRFModel } from '../../numerics/encoding/hrf-model.js';
import { GaussianPRF2DWithHRF } from '../../numerics/encoding/models.js';
import { matrix, type Matrix } from '../../numerics/linalg/matrix.js';
import { seededRandom, type SeededRandom } from '../../numerics/random.js';

const TR = 2;
/** Pixels along each side of the screen, which spans -8 to 8 degrees. */
const PIXELS = 24;
const REACH = 8;
/** Frames of one crossing of the bar, and of the rest after it. */
const SWEEP = 14;
const REST = 6;
const ANGLES = [0, Math.PI / 2, Math.PI, (3 * Math.PI) / 2];
const RECORDINGS = ['sub-01', 'sub-02'];
/** A thin slab of cortex: the mask leaves out its corners. */
const GRID = [6, 6, 2] as const;
const COLUMNS = ['x', 'y', 'sd', 'baseline', 'amplitude'];

const CONFIG = `# Population receptive fields of two simulated participants.
# Run: pipeline run -w encoding_fit -i . -o OUT
encoding_fit:
  model: gaussian2d_hrf
  tr: ${TR}
`;

/**
 * Writes a bar stimulus, volumes of two participants simulated with known receptive fields, masks, the truth, and a
 * configuration.
 *
 * @param directory - created when absent
 * @throws StorageError IO_FULL, IO_DENIED or IO
 * @returns paths of the written files
 */
export async function writeSampleRecordings(directory: string, { seed = 0 } = {}): Promise<string[]> {
  const written: string[] = [];
  const place = async (...parts: string[]): Promise<string> => {
    const path = join(directory, ...parts);
    try {
      await mkdir(dirname(path), { recursive: true });
    } catch (error) {
      throw writeError(error, path);
    }
    written.push(path);
    return path;
  };
  const axis = Array.from({ length: PIXELS }, (_, i) => -REACH + (2 * REACH * i) / (PIXELS - 1));
  const stimulus = barStimulus(axis);
  const coordinates = matrix(
    PIXELS * PIXELS,
    2,
    axis.flatMap((x) => axis.flatMap((y) => [x, y])),
  );
  await writeNpy(await place('paradigm.npy'), {
    shape: stimulus.shape,
    data: Uint8Array.from(stimulus.values),
  });
  await writeNpy(await place('coordinates.npy'), { shape: [PIXELS * PIXELS, 2], data: coordinates.values });
  const model = new GaussianPRF2DWithHRF({
    gridCoordinates: coordinates,
    hrfModel: new SPMHRFModel({ tr: TR }),
    paradigm: stimulus,
  });
  for (const [r, recording] of RECORDINGS.entries()) {
    const random = seededRandom(seed, `encoding_fit sample ${r}`);
    const inside = maskValues();
    const places = [...inside.keys()].filter((at) => inside[at] === 1);
    const truth = trueParameters(places.length, random);
    // One voxel without signal and one that never changes, as there are in every recording.
    const responses = model.predict(undefined, { columns: COLUMNS, values: truth });
    const frames = stimulus.shape[0];
    const volume = new Float32Array(inside.length * frames);
    places.forEach((at, v) => {
      for (let t = 0; t < frames; t++) {
        const noise = random.normal();
        const isConstant = v === places.length - 1;
        const value = isConstant ? 100 : responses.values[t * places.length + v]! + 0.5 * noise;
        volume[at + t * inside.length] = value;
      }
    });
    const affine = [3, 0, 0, -9, 0, 3, 0, -9, 0, 0, 3, 0, 0, 0, 0, 1];
    await writeNifti(await place(recording, `${recording}_bold.nii.gz`), {
      shape: [...GRID, frames],
      data: volume,
      affine,
    });
    await writeNifti(await place(recording, `${recording}_mask.nii.gz`), {
      shape: [...GRID],
      data: Float32Array.from(inside),
      affine,
    });
    const rows = places.map((at, v): TsvCell[] => {
      const [i, j, k] = [
        at % GRID[0],
        Math.floor(at / GRID[0]) % GRID[1],
        Math.floor(at / (GRID[0] * GRID[1])),
      ];
      return [
        (i * GRID[1] + j) * GRID[2] + k,
        ...truth.values.subarray(v * COLUMNS.length, (v + 1) * COLUMNS.length),
      ];
    });
    rows.sort((a, b) => Number(a[0]) - Number(b[0]));
    await writeTsv(await place(recording, `${recording}_truth.tsv`), ['voxel', ...COLUMNS], rows);
  }
  await writeAtomic(await place('neuroloom.yaml'), CONFIG);
  return written;
}

/** A bar that crosses the screen in four directions, with rests. */
function barStimulus(axis: readonly number[]): { shape: [number, number, number]; values: Float64Array } {
  const frames = ANGLES.length * (SWEEP + REST) + REST;
  const values = new Float64Array(frames * PIXELS * PIXELS);
  const half = REACH / 6;
  ANGLES.forEach((angle, sweep) => {
    for (let step = 0; step < SWEEP; step++) {
      const t = REST + sweep * (SWEEP + REST) + step;
      const middle = -REACH + (2 * REACH * (step + 0.5)) / SWEEP;
      axis.forEach((x, i) => {
        axis.forEach((y, j) => {
          const along = x * Math.cos(angle) + y * Math.sin(angle);
          if (Math.abs(along - middle) <= half) values[(t * PIXELS + i) * PIXELS + j] = 1;
        });
      });
    }
  });
  return { shape: [frames, PIXELS, PIXELS], values };
}

/** First axis fastest; 0 in the corners. */
function maskValues(): Float64Array {
  const [nx, ny, nz] = GRID;
  return Float64Array.from({ length: nx * ny * nz }, (_, at) => {
    const i = at % nx;
    const j = Math.floor(at / nx) % ny;
    return (i === 0 || i === nx - 1) && (j === 0 || j === ny - 1) ? 0 : 1;
  });
}

/** Centres all over the screen, sizes that grow with eccentricity, responses of 2 to 6 % at most. */
function trueParameters(voxels: number, random: SeededRandom): Matrix {
  const values: number[] = [];
  for (let v = 0; v < voxels; v++) {
    const radius = 0.5 + 5.5 * random.uniform();
    const angle = 2 * Math.PI * random.uniform();
    const sd = 0.5 + 0.2 * radius + 0.3 * random.uniform();
    const amplitude = v === voxels - 2 ? 0 : 1.5 + 2 * random.uniform();
    values.push(radius * Math.cos(angle), radius * Math.sin(angle), sd, 100, amplitude);
  }
  return matrix(voxels, COLUMNS.length, values);
}
