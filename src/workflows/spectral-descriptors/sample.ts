import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeAtomic, writeError, writeGifti, writeTsv, type Surface } from '../../io/index.js';
import { seededRandom, type SeededRandom } from '../../numerics/random.js';
import { deformed, octasphere, torus } from './sample-shapes.js';

/** Participants of each of the two groups. */
const PER_GROUP = 6;
/** Semi-axes of the shape that all participants vary, mm. */
const AXES = [24, 12, 9] as const;
/** Height of the bumps of the second group, part of the radius, and how many go around. */
const BUMPS = { height: 0.12, waves: 5 };

const CONFIG = `# Two groups of six simulated surfaces, and four shapes that are known.
# Run: pipeline run -w spectral_descriptors -i . -o OUT
spectral_descriptors:
  k: 40
  descriptors: [shapedna, hks, wks, casorati, willmore_energy]
`;

/**
 * Writes surfaces of two groups (smooth and bumpy ellipsoids of different sizes) with participants.tsv, a sphere, an ellipsoid, a
 * torus and a bumpy sphere, and a configuration.
 *
 * @param directory - created when absent
 * @returns paths of the written files
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeSampleSurfaces(directory: string, { seed = 0 } = {}): Promise<string[]> {
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
  const sphere = octasphere(4);
  const rows: string[][] = [];
  for (let i = 0; i < 2 * PER_GROUP; i++) {
    const group = i < PER_GROUP ? 'smooth' : 'bumpy';
    const participant = `sub-${String(i + 1).padStart(2, '0')}`;
    const random = seededRandom(seed, `sample surface ${participant}`);
    const path = await place(participant, 'anat', `${participant}_hemi-L_label-hipp_midthickness.surf.gii`);
    await writeSurface(path, participantSurface(sphere, group === 'bumpy', random));
    rows.push([participant, group, String(Math.round(random.uniformBetween(20, 60)))]);
  }
  await writeTsv(await place('participants.tsv'), ['participant_id', 'group', 'age'], rows);
  const [a, b, c] = AXES;
  const shapes: Readonly<Record<string, Surface>> = {
    sphere: deformed(sphere, ([x, y, z]) => [10 * x, 10 * y, 10 * z]),
    ellipsoid: deformed(sphere, ([x, y, z]) => [a * x, b * y, c * z]),
    torus: torus(12, 5, 48, 24),
    bumpy: deformed(sphere, (point) => {
      const radius = 10 * (1 + bump(point, 0));
      return point.map((value) => radius * value) as [number, number, number];
    }),
  };
  for (const [name, surface] of Object.entries(shapes)) {
    await writeSurface(await place('shapes', `${name}.surf.gii`), surface);
  }
  await writeAtomic(await place('neuroloom.yaml'), CONFIG);
  return written;
}

/** An ellipsoid of its own proportions and size, turned, with or without bumps. */
function participantSurface(sphere: Surface, isBumpy: boolean, random: SeededRandom): Surface {
  const axes = AXES.map((axis) => axis * (1 + 0.04 * random.normal()));
  const [phase, angle] = [random.uniformBetween(0, 2 * Math.PI), random.uniformBetween(-0.3, 0.3)];
  const height = isBumpy ? 1 + 0.15 * random.normal() : 0;
  return deformed(sphere, (point) => {
    const factor = 1 + height * bump(point, phase);
    const [x, y, z] = point.map((value, axis) => factor * axes[axis]! * value) as [number, number, number];
    return [Math.cos(angle) * x - Math.sin(angle) * y, Math.sin(angle) * x + Math.cos(angle) * y, z];
  });
}

function bump([x, y, z]: readonly [number, number, number], phase: number): number {
  const { height, waves } = BUMPS;
  return height * Math.sin(waves * x + phase) * Math.cos(waves * y) * Math.cos(waves * z - phase);
}

async function writeSurface(path: string, { vertices, faces }: Surface): Promise<void> {
  await writeGifti(path, {
    arrays: [
      { intent: 'POINTSET', shape: [vertices.length / 3, 3], data: vertices },
      { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: faces },
    ],
  });
}
