/** Deformed copies of a surface, to try descriptors on. */
import { meshGeometry } from '../mesh/geometry.js';
import type { SeededRandom } from '../random.js';
import { alignToPrincipalAxes } from './align.js';
import type { AnalysisObjective } from './eligibility.js';

/** A deformed copy of a surface. */
export interface SurrogateSurface {
  readonly vertices: Float64Array;
  /** 1: carries the change that the objective is about. */
  readonly label: 0 | 1;
}

/** Bumps of the field that makes surrogates differ from one another without a change. */
const NOISE_BUMPS = 12;

/**
 * Copies of a surface of which half carry a change. All lengths are parts of sqrt(area), all changes smooth:
 * `group_discrimination`: a region of a third of the size is pressed in; `lateralization`: one half along the longest axis is
 * shortened, continuously; `longitudinal_change`: the whole is smaller by up to 15 %; `subregion_detection`: a small patch is
 * raised. Every copy is disturbed by random smooth bumps.
 *
 * @param noise - typical height of the disturbance, part of sqrt(area)
 */
export function surrogateSurfaces(
  vertices: Float64Array,
  faces: Int32Array,
  objective: AnalysisObjective,
  random: SeededRandom,
  { count = 30, noise = 0.005 }: { readonly count?: number; readonly noise?: number } = {},
): SurrogateSurface[] {
  const { vertexNormals, barycentricAreas, area } = meshGeometry(vertices, faces);
  const size = Math.sqrt(area);
  const n = barycentricAreas.length;
  const centre = [0, 1, 2].map(
    (d) => barycentricAreas.reduce((sum, mass, i) => sum + mass * vertices[3 * i + d]!, 0) / area,
  );
  const addBump = (out: Float64Array, height: number, width: number): void => {
    const at = 3 * random.below(n);
    for (let i = 0; i < out.length; i += 3) {
      const squared = [0, 1, 2].reduce((sum, d) => sum + (vertices[i + d]! - vertices[at + d]!) ** 2, 0);
      const factor = height * Math.exp(-squared / (2 * width * width));
      for (let d = 0; d < 3; d++) out[i + d]! += factor * vertexNormals[i + d]!;
    }
  };
  const along = alignToPrincipalAxes(vertices, barycentricAreas);
  const axis = principalAxis(vertices, along, centre);
  const reach = Array.from({ length: n }, (_, i) => along[3 * i]!).reduce((most, x) => Math.max(most, x), 0);
  const change = (out: Float64Array): void => {
    switch (objective) {
      case 'group_discrimination':
        addBump(out, -random.uniformBetween(0.02, 0.06) * size, 0.15 * size);
        return;
      case 'subregion_detection':
        addBump(out, random.uniformBetween(0.02, 0.06) * size, 0.06 * size);
        return;
      case 'longitudinal_change': {
        const factor = random.uniformBetween(0.85, 1);
        for (let i = 0; i < out.length; i++) out[i] = centre[i % 3]! + factor * (out[i]! - centre[i % 3]!);
        return;
      }
      case 'lateralization': {
        const amount = random.uniformBetween(0.05, 0.2);
        for (let i = 0; i < n; i++) {
          // 0 at the middle with its slope, so that nothing tears.
          const x = Math.max(0, along[3 * i]!);
          const shift = (-amount * (x * x)) / (x + 0.25 * reach);
          for (let d = 0; d < 3; d++) out[3 * i + d]! += shift * axis[d]!;
        }
        return;
      }
    }
  };
  return Array.from({ length: count }, (_, s) => {
    const out = vertices.slice();
    for (let bump = 0; bump < NOISE_BUMPS; bump++) addBump(out, noise * size * random.normal(), 0.1 * size);
    const label = s % 2 === 1 ? 1 : 0;
    if (label === 1) change(out);
    return { vertices: out, label };
  });
}

/** Direction of the first axis of aligned coordinates: their least-squares gradient. */
function principalAxis(vertices: Float64Array, along: Float64Array, centre: readonly number[]): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < vertices.length; i += 3) {
    for (let d = 0; d < 3; d++) sums[d]! += along[i]! * (vertices[i + d]! - centre[d]!);
  }
  const length = Math.hypot(...sums);
  return sums.map((value) => (length > 0 ? value / length : 0));
}
