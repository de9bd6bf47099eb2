/** Distances on a surface by the heat method. */
import { ProcessingError } from '../../errors.js';
import { chooseKernels, type SolverChoice } from '../spectral/choose-kernels.js';
import { intrinsicDelaunay, type IntrinsicDelaunay } from '../spectral/intrinsic-delaunay.js';
import {
  assemblePair,
  checkMesh,
  sideLengths,
  triangleShapes,
  usableTriangles,
} from '../spectral/mesh-operator.js';
import {
  BLOCK,
  type NumericFactor,
  type SolverKernels,
  type SolverPair,
} from '../spectral/solver-kernels.js';
import { commonPair, permutedPair } from '../spectral/solver-pair.js';
import type { SymbolicFactor } from '../spectral/symbolic-factor.js';
import { meshTopology } from './topology.js';
import { selectFaces } from './triangle-check.js';
import { minus, norm, row3 } from './vector3.js';

/** Options of distances by the heat method. */
export interface HeatGeodesicOptions {
  /** Diffusion time over the squared mean edge length. */
  readonly timeFactor?: number;
  /** `intrinsic_delaunay` has no negative weights, so that heat stays positive; `cotangent` takes the triangles as they are. */
  readonly operator?: 'intrinsic_delaunay' | 'cotangent';
  readonly solver?: SolverChoice;
}

/**
 * Distances on the surface by the heat method, on the intrinsic Delaunay triangulation: heat flows a short time from the
 * sources, its gradient gives the direction away from them, and the distance is the function whose gradient comes
 * nearest to that direction. Factors are made once and serve for all sources.
 *
 * Each gradient is scaled by its largest part before it is normalised: far from the sources heat is smaller than any
 * number that may be squared, and a limit on its size would flatten the distance there.
 *
 * @see Crane, Weischedel & Wardetzky 2013
 */
export class HeatGeodesics {
  /** Diffusion time, unit squared. */
  readonly time: number;
  readonly #n: number;
  readonly #faces: Int32Array;
  /** (m, 3), of the intrinsic triangles. */
  readonly #lengths: Float64Array;
  readonly #kernels: SolverKernels;
  readonly #symbolic: SymbolicFactor;
  readonly #heat: NumericFactor;
  readonly #poisson: NumericFactor;
  readonly #used: Uint8Array;
  /** (n): connected part, -1 for a vertex in no triangle. */
  readonly #part: Int32Array;
  readonly #place: Int32Array;

  /**
   * @param vertices - (n, 3)
   * @param faces - (m, 3)
   * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT, NON_FINITE
   */
  constructor(
    vertices: ArrayLike<number>,
    faces: ArrayLike<number>,
    { timeFactor = 1, operator = 'intrinsic_delaunay', solver = 'auto' }: HeatGeodesicOptions = {},
  ) {
    checkMesh('HeatGeodesics', vertices, faces);
    const { used } = usableTriangles(faces, triangleShapes(vertices, faces));
    const n = vertices.length / 3;
    this.#n = n;
    const chosen =
      operator === 'cotangent'
        ? plainTriangles(vertices, faces, used)
        : intrinsicDelaunay(vertices, faces, { used });
    this.#faces = chosen.faces;
    this.#lengths = chosen.lengths;
    const { stiffness, mass } = chosen.pair;
    this.time = timeFactor * meanEdge(vertices, faces, used) ** 2;
    this.#used = Uint8Array.from(mass.values, (value) => (value > 0 ? 1 : 0));
    this.#part = partsOf(chosen.faces, n);
    this.#kernels = chooseKernels(solver);
    // A vertex without mass gets a row of its own, so that the matrices stay definite.
    const heavy = { ...mass, values: mass.values.map((value) => (value > 0 ? value : 1)) };
    const pair = commonPair(stiffness, heavy);
    this.#symbolic = this.#kernels.analyse(pair.size, pair.starts, pair.columns);
    const permuted = permutedPair(pair, this.#symbolic.order);
    this.#place = new Int32Array(this.#n);
    this.#symbolic.order.forEach((vertex, at) => (this.#place[vertex] = at));
    // M + t S = t (S + M / t): the same direction of the gradient.
    this.#heat = this.#kernels.factor(this.#symbolic, permuted, -1 / this.time);
    this.#poisson = this.#kernels.factor(this.#symbolic, this.#pinned(permuted), 0);
  }

  /** The stiffness with one vertex of each connected part, and each unused one, tied to 0. */
  #pinned(pair: SolverPair): SolverPair {
    const stiffness = pair.stiffness.slice();
    const seen = new Set<number>();
    for (let vertex = 0; vertex < this.#n; vertex++) {
      const part = this.#part[vertex]!;
      if (part >= 0 && seen.has(part)) continue;
      if (part >= 0) seen.add(part);
      const row = this.#place[vertex]!;
      for (let e = pair.starts[row]!; e < pair.starts[row + 1]!; e++) {
        const column = pair.columns[e]!;
        stiffness[e] = column === row ? 1 : 0;
        if (column === row) continue;
        for (let f = pair.starts[column]!; f < pair.starts[column + 1]!; f++) {
          if (pair.columns[f] === row) stiffness[f] = 0;
        }
      }
      this.#anchors.push(vertex);
    }
    return { ...pair, stiffness };
  }

  readonly #anchors: number[] = [];

  /**
   * Distance of every vertex from the nearest source.
   *
   * @returns (n), unit of the coordinates; 0 at the nearest source, Infinity where no way leads
   * @throws ProcessingError INVALID_ARGUMENT for a source that is no vertex of the surface
   */
  from(sources: ArrayLike<number>): Float64Array {
    const heat = new Float64Array(this.#n);
    for (const source of Array.from(sources)) {
      if (this.#used[source] !== 1) {
        throw new ProcessingError('INVALID_ARGUMENT', `the source ${source} is no vertex of the surface`, {
          where: 'HeatGeodesics',
          cure: `give vertices from 0 to ${this.#n - 1} that belong to a triangle`,
        });
      }
      heat[source] = 1;
    }
    const divergence = this.#divergence(this.#solve(this.#heat, heat));
    for (const anchor of this.#anchors) divergence[anchor] = 0;
    const distances = this.#solve(this.#poisson, divergence);
    return this.#shifted(distances, sources);
  }

  #solve(factor: NumericFactor, right: Float64Array): Float64Array {
    const block = new Float64Array(BLOCK * this.#n);
    right.forEach((value, vertex) => (block[BLOCK * this.#place[vertex]!] = value));
    this.#kernels.solve(this.#symbolic, factor, block, 1);
    return Float64Array.from({ length: this.#n }, (_, vertex) => block[BLOCK * this.#place[vertex]!]!);
  }

  /** Integrated divergence of the unit field that points away from the heat, in the plane of each triangle. */
  #divergence(heat: Float64Array): Float64Array {
    const out = new Float64Array(this.#n);
    for (let t = 0; t < this.#faces.length; t += 3) {
      const [la, lb, lc] = [this.#lengths[t]!, this.#lengths[t + 1]!, this.#lengths[t + 2]!];
      // Corners laid in the plane: the first at 0, the second on the axis.
      const x = (lc * lc + lb * lb - la * la) / (2 * lc);
      const y = Math.sqrt(Math.max(lb * lb - x * x, 0));
      if (!(y > 0)) continue;
      const [a, b, c] = [this.#faces[t]!, this.#faces[t + 1]!, this.#faces[t + 2]!];
      const largest = Math.max(Math.abs(heat[a]!), Math.abs(heat[b]!), Math.abs(heat[c]!));
      if (largest === 0) continue;
      const [ua, ub, uc] = [heat[a]! / largest, heat[b]! / largest, heat[c]! / largest];
      const gx = (ub - ua) / lc;
      const gy = (uc - ua - gx * x) / y;
      const size = Math.hypot(gx, gy);
      if (size === 0) continue;
      const [px, py] = [-gx / size, -gy / size];
      // Half of the field across the opposite side, turned outward: b_i = X . (n x e_i) / 2.
      out[a]! += (px * -y + py * (x - lc)) / 2;
      out[b]! += (px * y - py * x) / 2;
      out[c]! += (py * lc) / 2;
    }
    return out;
  }

  /** Zero at the sources of each part, nothing where there is none. */
  #shifted(distances: Float64Array, sources: ArrayLike<number>): Float64Array {
    const lowest = new Map<number, number>();
    for (const source of Array.from(sources)) {
      const part = this.#part[source]!;
      lowest.set(part, Math.min(lowest.get(part) ?? Infinity, distances[source]!));
    }
    return distances.map((value, vertex) => {
      const zero = lowest.get(this.#part[vertex]!);
      return zero === undefined || this.#part[vertex]! < 0 ? Infinity : value - zero;
    });
  }
}

function plainTriangles(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  used: Uint8Array,
): Pick<IntrinsicDelaunay, 'faces' | 'lengths' | 'pair'> {
  const kept = selectFaces(faces, used);
  const pair = assemblePair(vertices.length / 3, kept, triangleShapes(vertices, kept), 'lumped');
  return { faces: kept, lengths: sideLengths(vertices, kept), pair };
}

/** Mean length of the sides of the usable triangles, each edge once. */
function meanEdge(vertices: ArrayLike<number>, faces: ArrayLike<number>, used: Uint8Array): number {
  const { edges } = meshTopology(selectFaces(faces, used), vertices.length / 3);
  let sum = 0;
  for (let e = 0; e < edges.length; e += 2) {
    sum += norm(minus(row3(vertices, edges[e]!), row3(vertices, edges[e + 1]!)));
  }
  return sum / (edges.length / 2);
}

function partsOf(faces: Int32Array, n: number): Int32Array {
  const parent = Int32Array.from({ length: n }, (_, i) => i);
  const used = new Uint8Array(n);
  const root = (vertex: number): number => {
    let at = vertex;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  for (let t = 0; t < faces.length; t += 3) {
    for (let c = 0; c < 3; c++) {
      used[faces[t + c]!] = 1;
      parent[root(faces[t + c]!)] = root(faces[t]!);
    }
  }
  return Int32Array.from({ length: n }, (_, i) => (used[i] === 1 ? root(i) : -1));
}
