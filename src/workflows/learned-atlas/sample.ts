import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cToFortran, writeAtomic, writeError, writeNifti } from '../../io/index.js';
import { type SeededRandom, seededRandom } from '../../numerics/random.js';

/** Size of the synthetic cohort: small enough to train on a laptop within two minutes. */
const SHAPE = [24, 32, 32] as const;
const VOXEL_SIZE_MM = 3;
const STREAMLINES = 1500;
const STEPS_PER_STREAMLINE = 160;
const SUBJECT_IDS = ['101', '102', '103', '104', '105', '106'];

/** Root-mean-square length of each person's smooth deformation, mm: about the residual after affine alignment. */
const DEFORMATION_RMS_MM = 4;
const DEFORMATION_MODES = 6;

type Point = [number, number, number];

/** One cosine wave of a smooth random displacement: u(p) = amplitude cos(waveVector . p + phase). */
interface Wave {
  readonly amplitude: Point;
  readonly waveVector: Point;
  readonly phase: number;
}

/**
 * Writes a seeded synthetic cohort that looks like the output of probabilistic tractography of one bundle.
 *
 * Every person has the same arcuate-like bundle: streamlines around a C-shaped centre line that fan out towards both
 * ends. A smooth random displacement per person (cosine waves of 60 to 140 mm, 4 mm root mean square) makes the real
 * shape differences that an averaging atlas blurs and a learned one recovers. A voxel counts each streamline that
 * visits it once; `waytotal` is the number of streamlines.
 *
 * @param directory - created when absent; `<id>/tractography/{fdt_paths.nii.gz,waytotal}` and `neuroloom.yaml`
 * @throws StorageError IO_FULL, IO_DENIED or IO
 * @returns absolute or relative paths of the written files, in writing order, as `directory` was given
 */
export async function writeSampleCohort(directory: string, { seed = 0 } = {}): Promise<string[]> {
  const written: string[] = [];
  for (const id of SUBJECT_IDS) {
    const folder = join(directory, id, 'tractography');
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw writeError(error, folder);
    }
    const density = subjectDensity(seededRandom(seed, `sample/${id}`));
    const volume = join(folder, 'fdt_paths.nii.gz');
    await writeNifti(volume, {
      shape: [...SHAPE],
      data: cToFortran(density, [...SHAPE]),
      affine: sampleAffine(),
    });
    const waytotal = join(folder, 'waytotal');
    await writeAtomic(waytotal, `${STREAMLINES}\n`);
    written.push(volume, waytotal);
  }
  const config = join(directory, 'neuroloom.yaml');
  await writeAtomic(config, SAMPLE_CONFIG);
  written.push(config);
  return written;
}

const SAMPLE_CONFIG = `# Settings for this small synthetic cohort; every key left out has its default
# (see: pipeline config schema). Run: pipeline run -w learned_atlas -i . -o OUT -c neuroloom.yaml
learned_atlas:
  evaluate: loo # leave each subject out in turn, and say how well the rest predict it
  optimizer:
    mode: direct # optimises each subject's field and the template directly; hybrid is the default
`;

/** Row-major voxel to world matrix (RAS, mm): the grid is centred on the origin. */
function sampleAffine(): number[] {
  const origin = SHAPE.map((size) => (-(size - 1) / 2) * VOXEL_SIZE_MM);
  const [x, y, z] = origin as Point;
  return [VOXEL_SIZE_MM, 0, 0, x, 0, VOXEL_SIZE_MM, 0, y, 0, 0, VOXEL_SIZE_MM, z, 0, 0, 0, 1];
}

/** Streamline counts of one person, C order (x, y, z). */
function subjectDensity(random: SeededRandom): Float32Array {
  const waves = randomDeformation(random);
  const density = new Float32Array(SHAPE[0] * SHAPE[1] * SHAPE[2]);
  const visitedBy = new Int32Array(density.length).fill(-1);
  for (let streamline = 0; streamline < STREAMLINES; streamline++) {
    const offset: [number, number] = [random.normal(), random.normal()];
    const wobble: [number, number] = [random.normal(), random.normal()];
    // A tracker stops early at times: each copy covers most of the bundle, not all of it.
    const start = 0.1 * random.uniform();
    const end = 1 - 0.1 * random.uniform();
    for (let step = 0; step < STEPS_PER_STREAMLINE; step++) {
      const t = start + ((end - start) * step) / (STEPS_PER_STREAMLINE - 1);
      const voxel = voxelOf(displaced(bundlePoint(t, offset, wobble), waves));
      if (voxel === null || visitedBy[voxel] === streamline) continue;
      visitedBy[voxel] = streamline;
      density[voxel] = density[voxel]! + 1;
    }
  }
  return density;
}

/**
 * Point of a streamline, mm. The centre line is an arc of 30 mm radius and 230 degrees in the sagittal plane that
 * bows 8 mm sideways; `offset` (standard deviations across the bundle) and `wobble` place the streamline around it.
 */
function bundlePoint(t: number, offset: [number, number], wobble: [number, number]): Point {
  const angle = ((-25 + 230 * t) * Math.PI) / 180;
  const fanOut = Math.abs(2 * t - 1) ** 3;
  const across = offset[0] * (2.5 + 2 * fanOut) + 0.8 * wobble[0] * Math.cos(2 * Math.PI * t);
  const radius = 30 + offset[1] * (2 + 2.5 * fanOut) + 0.8 * wobble[1] * Math.cos(3 * Math.PI * t);
  return [8 * Math.sin(Math.PI * t) - 4 + across, radius * Math.cos(angle), radius * Math.sin(angle)];
}

function randomDeformation(random: SeededRandom): Wave[] {
  // Each wave contributes amplitude^2 / 2 per axis to the mean square length.
  const scale = DEFORMATION_RMS_MM * Math.sqrt(2 / (3 * DEFORMATION_MODES));
  return Array.from({ length: DEFORMATION_MODES }, () => {
    const direction = unitVector(random);
    const waveNumber = (2 * Math.PI) / (60 + 80 * random.uniform());
    return {
      amplitude: [scale * random.normal(), scale * random.normal(), scale * random.normal()],
      waveVector: [waveNumber * direction[0], waveNumber * direction[1], waveNumber * direction[2]],
      phase: 2 * Math.PI * random.uniform(),
    };
  });
}

function unitVector(random: SeededRandom): Point {
  const [x, y, z] = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

function displaced(point: Point, waves: readonly Wave[]): Point {
  const moved: Point = [...point];
  for (const { amplitude, waveVector, phase } of waves) {
    const wave = Math.cos(
      waveVector[0] * point[0] + waveVector[1] * point[1] + waveVector[2] * point[2] + phase,
    );
    moved[0] += amplitude[0] * wave;
    moved[1] += amplitude[1] * wave;
    moved[2] += amplitude[2] * wave;
  }
  return moved;
}

/** Index of the nearest voxel in C order, or null outside the grid. */
function voxelOf(point: Point): number | null {
  const index = point.map((mm, axis) => Math.round(mm / VOXEL_SIZE_MM + (SHAPE[axis]! - 1) / 2)) as Point;
  const inside = index.every((i, axis) => i >= 0 && i < SHAPE[axis]!);
  return inside ? (index[0] * SHAPE[1] + index[1]) * SHAPE[2] + index[2] : null;
}
