import { ProcessingError } from '../../errors.js';
import { boundaryMask, meshTopology } from '../mesh/topology.js';

/** 3-D Zernike moments of a surface, free of rotation. */
export interface ZernikeResult {
  /** Rotation-invariant numbers F_nl, n ascending, l = n mod 2, n mod 2 + 2, ... n within each. */
  readonly values: Float64Array;
  /** (n, l) of each value. */
  readonly orders: ReadonlyArray<readonly [number, number]>;
  /** Centre of volume, in the unit of the coordinates. */
  readonly centre: readonly [number, number, number];
  /** Largest distance of a vertex from the centre, which becomes 1. */
  readonly radius: number;
}

/**
 * 3-D Zernike descriptor of the solid that a closed surface encloses: invariant to rotation, translation and scale.
 * Integrated exactly, tetrahedron by tetrahedron. A ball has F_00 = 1 and all others 0.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), closed, normals outward
 * @param order - highest n; 20 gives 121 numbers
 * @throws ProcessingError INVALID_ARGUMENT when the surface is open or encloses no volume
 * @see Canterakis 1999; Novotni & Klein 2003
 */
export function zernikeDescriptor(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  order = 20,
): ZernikeResult {
  if (boundaryMask(meshTopology(faces, vertices.length / 3)).includes(1)) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the Zernike descriptor needs a closed surface', {
      cure: 'close the surface, or leave this descriptor out',
    });
  }
  const { centre, volume } = volumeCentre(vertices, faces);
  if (!(volume > 0)) {
    throw new ProcessingError('INVALID_ARGUMENT', `the surface encloses a volume of ${volume}`, {
      cure: 'turn the triangles so that their normals point outward',
    });
  }
  let radius = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    radius = Math.max(radius, Math.hypot(...centre.map((c, axis) => vertices[i + axis]! - c)));
  }
  const points = new Float64Array(vertices.length);
  for (let i = 0; i < points.length; i++) points[i] = (vertices[i]! - centre[i % 3]!) / radius;
  const moments = new Moments(order);
  const rules = Array.from({ length: Math.floor(order / 2) + 1 }, (_, i) => conicalRule(i + 1));
  for (let t = 0; t < faces.length; t += 3) {
    moments.addTetrahedron(points, faces, t, rules[nodesFor(order, points, faces, t) - 1]!);
  }
  return { ...moments.invariants(), centre, radius };
}

function volumeCentre(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
): { centre: [number, number, number]; volume: number } {
  const sums: [number, number, number] = [0, 0, 0];
  let volume = 0;
  // Away from the first vertex instead of the origin: a far origin costs digits.
  const base = [vertices[0]!, vertices[1]!, vertices[2]!];
  for (let t = 0; t < faces.length; t += 3) {
    const corners = [0, 1, 2].map((c) => base.map((b, axis) => vertices[3 * faces[t + c]! + axis]! - b));
    const [a, b, c] = corners as [number[], number[], number[]];
    const v = determinant(a, b, c) / 6;
    volume += v;
    for (let axis = 0; axis < 3; axis++) sums[axis]! += (v * (a[axis]! + b[axis]! + c[axis]!)) / 4;
  }
  const centre = sums.map((sum, axis) => base[axis]! + sum / volume) as [number, number, number];
  return { centre, volume };
}

function determinant(a: ArrayLike<number>, b: ArrayLike<number>, c: ArrayLike<number>): number {
  return (
    a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
    a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
    a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!)
  );
}

interface RulePoint {
  /** Barycentric weights of the three corners on the triangle. */
  readonly corners: readonly [number, number, number];
  readonly weight: number;
}

// Far below the rounding of the sum over all triangles.
const NEGLIGIBLE = 1e-13;

/**
 * Nodes along each side that a triangle needs: `order / 2 + 1` are exact for any triangle; on a small one the polynomial
 * is as good as one of lower degree. A polynomial of degree n on the unit ball changes along h like one with the
 * Taylor terms (n h)^q / q!; twice that length is safe near the surface of the ball, where it changes faster.
 */
function nodesFor(order: number, points: Float64Array, faces: ArrayLike<number>, t: number): number {
  const [a, b, c] = [0, 1, 2].map((corner) => 3 * faces[t + corner]!) as [number, number, number];
  let longest = 0;
  for (const [p, q] of [
    [a, b],
    [b, c],
    [c, a],
  ] as const) {
    const [x, y, z] = [
      points[p]! - points[q]!,
      points[p + 1]! - points[q + 1]!,
      points[p + 2]! - points[q + 2]!,
    ];
    longest = Math.max(longest, x * x + y * y + z * z);
  }
  const reach = 2 * order * Math.sqrt(longest);
  const exact = Math.floor(order / 2) + 1;
  let term = 1;
  for (let nodes = 1; nodes < exact; nodes++) {
    // A rule of c nodes is exact to the degree 2 c - 1: the first term that it misses is of degree 2 c.
    term *= (reach / (2 * nodes - 1)) * (reach / (2 * nodes));
    if (term < NEGLIGIBLE) return nodes;
  }
  return exact;
}

/**
 * Every Z_nlm is a sum of homogeneous polynomials of degrees n, n - 2, ..., so that the integral over the tetrahedron
 * (0, a, b, c) is a radial part, done in closed form, times one over the triangle (a, b, c), by a conical rule that is
 * exact to the degree 2 `count` - 1.
 */
function conicalRule(count: number): RulePoint[] {
  const first = gaussJacobi(count, 1);
  const second = gaussJacobi(count, 0);
  const points: RulePoint[] = [];
  for (const [u, wu] of first) {
    for (const [v, wv] of second) {
      // u is the weight of the corner a, with Jacobian (1 - u); the factor 2 makes the weights of a triangle sum to 1.
      points.push({ corners: [u, v * (1 - u), (1 - v) * (1 - u)], weight: 2 * wu * wv });
    }
  }
  return points;
}

/**
 * Gauss rule on [0, 1] for the weight (1 - x)^alpha, alpha 0 or 1: nodes by Newton steps on Jacobi polynomials.
 *
 * @returns pairs of node and weight
 */
function gaussJacobi(count: number, alpha: 0 | 1): Array<[number, number]> {
  const rule: Array<[number, number]> = [];
  const nodes: number[] = [];
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5 + alpha / 2));
    for (let step = 0; step < 100; step++) {
      const { value, derivative } = jacobi(count, alpha, x);
      // Deflation keeps a step from falling into a node that was found already.
      const deflation = nodes.reduce((sum, node) => sum + 1 / (x - node), 0);
      const change = value / (derivative - value * deflation);
      x -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    nodes.push(x);
    const { derivative } = jacobi(count, alpha, x);
    // Weight for (1 - x)^alpha on [-1, 1] is 2^(alpha + 1) / ((1 - x^2) P'^2) for beta = 0; halved interval: / 2^(alpha + 1).
    rule.push([(1 + x) / 2, 1 / ((1 - x * x) * derivative * derivative)]);
  }
  return rule;
}

/** Jacobi polynomial P_n^(alpha, 0) and its derivative. */
function jacobi(n: number, alpha: number, x: number): { value: number; derivative: number } {
  let previous = 1;
  let value = (alpha + (alpha + 2) * x) / 2;
  if (n === 0) return { value: 1, derivative: 0 };
  for (let k = 2; k <= n; k++) {
    const s = 2 * k + alpha;
    const a = 2 * k * (k + alpha) * (s - 2);
    const b = (s - 1) * (s * (s - 2) * x + alpha * alpha);
    const c = 2 * (k + alpha - 1) * (k - 1) * s;
    [previous, value] = [value, (b * value - c * previous) / a];
  }
  const s = 2 * n + alpha;
  const derivative = (n * (alpha - s * x) * value + 2 * (n + alpha) * n * previous) / (s * (1 - x * x));
  return { value, derivative };
}

/** Sums of Z_nlm over the solid. */
class Moments {
  readonly #order: number;
  /** Real and imaginary parts by (n, l, m >= 0). */
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;
  readonly #coefficients: ReadonlyArray<ReadonlyArray<Float64Array>>;
  readonly #legendre: Float64Array;
  readonly #radial: Float64Array;
  readonly #norms: Float64Array;

  constructor(order: number) {
    this.#order = order;
    const size = (order + 1) ** 3;
    this.#real = new Float64Array(size);
    this.#imaginary = new Float64Array(size);
    this.#legendre = new Float64Array((order + 1) ** 2);
    this.#radial = new Float64Array((order + 1) ** 2);
    this.#norms = harmonicNorms(order);
    this.#coefficients = Array.from({ length: order + 1 }, (_, n) =>
      // Degree d of a ray from the origin integrates to 1 / (d + 3) of the value at its end.
      Array.from({ length: n + 1 }, (__, l) =>
        radialCoefficients(n, l).map((term, k) => term / (l + 2 * k + 3)),
      ),
    );
  }

  #at(n: number, l: number, m: number): number {
    return (l * (this.#order + 1) + m) * (this.#order + 1) + n;
  }

  addTetrahedron(
    points: Float64Array,
    faces: ArrayLike<number>,
    t: number,
    rule: readonly RulePoint[],
  ): void {
    const [a, b, c] = [0, 1, 2].map((corner) => {
      const at = 3 * faces[t + corner]!;
      return points.subarray(at, at + 3);
    }) as [Float64Array, Float64Array, Float64Array];
    const six = determinant(a, b, c);
    for (const { corners, weight } of rule) {
      const [x, y, z] = [0, 1, 2].map(
        (axis) => corners[0] * a[axis]! + corners[1] * b[axis]! + corners[2] * c[axis]!,
      ) as [number, number, number];
      this.#addPoint(x, y, z, (six * weight) / 2);
    }
  }

  /** The point stands for the segment from the origin to it: degree d contributes 1 / (d + 3) of its value at the end. */
  #addPoint(x: number, y: number, z: number, weight: number): void {
    const order = this.#order;
    const r2 = x * x + y * y + z * z;
    const r = Math.sqrt(r2);
    const polar = r === 0 ? 1 : z / r;
    const sine = Math.sqrt(Math.max(0, 1 - polar * polar));
    this.#fillLegendre(polar, sine);
    const flat = Math.hypot(x, y);
    const [cosine, sinus] = flat === 0 ? [1, 0] : [x / flat, y / flat];
    const radial = this.#radial;
    this.#fillRadial(r, r2, weight);
    const [real, imaginary] = [this.#real, this.#imaginary];
    let [turnReal, turnImaginary] = [1, 0];
    for (let m = 0; m <= order; m++) {
      for (let l = m; l <= order; l++) {
        const harmonic = this.#norms[l * (order + 1) + m]! * this.#legendre[l * (order + 1) + m]!;
        const [cosinePart, sinePart] = [harmonic * turnReal, harmonic * turnImaginary];
        const [start, row] = [this.#at(0, l, m), l * (order + 1)];
        for (let n = l; n <= order; n += 2) {
          real[start + n]! += radial[row + n]! * cosinePart;
          imaginary[start + n]! -= radial[row + n]! * sinePart;
        }
      }
      const next = turnReal * cosine - turnImaginary * sinus;
      turnImaginary = turnReal * sinus + turnImaginary * cosine;
      turnReal = next;
    }
  }

  #fillRadial(r: number, r2: number, weight: number): void {
    const order = this.#order;
    for (let n = 0; n <= order; n++) {
      for (let l = n % 2; l <= n; l += 2) {
        const terms = this.#coefficients[n]![l]!;
        let sum = 0;
        // Horner, from the highest power down.
        for (let k = terms.length - 1; k >= 0; k--) sum = sum * r2 + terms[k]!;
        this.#radial[l * (order + 1) + n] = sum * r ** l * weight;
      }
    }
  }

  /** Associated Legendre functions without the Condon-Shortley phase, which no invariant depends on. */
  #fillLegendre(x: number, sine: number): void {
    const order = this.#order;
    const p = this.#legendre;
    let diagonal = 1;
    for (let m = 0; m <= order; m++) {
      p[m * (order + 1) + m] = diagonal;
      if (m < order) p[(m + 1) * (order + 1) + m] = x * (2 * m + 1) * diagonal;
      for (let l = m + 2; l <= order; l++) {
        const [one, two] = [p[(l - 1) * (order + 1) + m]!, p[(l - 2) * (order + 1) + m]!];
        p[l * (order + 1) + m] = (x * (2 * l - 1) * one - (l + m - 1) * two) / (l - m);
      }
      diagonal *= (2 * m + 1) * sine;
    }
  }

  invariants(): Pick<ZernikeResult, 'values' | 'orders'> {
    const values: number[] = [];
    const orders: Array<readonly [number, number]> = [];
    for (let n = 0; n <= this.#order; n++) {
      for (let l = n % 2; l <= n; l += 2) {
        let sum = 0;
        for (let m = 0; m <= l; m++) {
          const at = this.#at(n, l, m);
          // Negative m mirrors positive m.
          sum += (m === 0 ? 1 : 2) * (this.#real[at]! ** 2 + this.#imaginary[at]! ** 2);
        }
        values.push((3 / (4 * Math.PI)) * Math.sqrt(sum));
        orders.push([n, l]);
      }
    }
    return { values: Float64Array.from(values), orders };
  }
}

/** Coefficients of r^l, r^(l+2), ..., r^n of the radial part, with the norm sqrt(4 pi / 3) sqrt(2 n + 3). */
function radialCoefficients(n: number, l: number): Float64Array {
  if ((n - l) % 2 !== 0) return new Float64Array(0);
  const degree = (n - l) / 2;
  const beta = l + 0.5;
  const norm = Math.sqrt((4 * Math.PI) / 3) * Math.sqrt(2 * n + 3);
  // P_d^(0,b)(2s - 1) = (-1)^d P_d^(b,0)(1 - 2s) = (-1)^d sum_k C(d, k) (d + b + 1)_k (b + 1 + k)_(d-k) / d! (-s)^k
  const terms = new Float64Array(degree + 1);
  for (let k = 0; k <= degree; k++) {
    let term = 1;
    for (let i = 1; i <= k; i++) term *= ((degree - k + i) / i) * (degree + beta + i);
    for (let i = k + 1; i <= degree; i++) term *= beta + i;
    for (let i = 1; i <= degree; i++) term /= i;
    terms[k] = norm * term * ((degree + k) % 2 === 0 ? 1 : -1);
  }
  return terms;
}

/** sqrt((2l + 1) / (4 pi) (l - m)! / (l + m)!), by (l, m). */
function harmonicNorms(order: number): Float64Array {
  const norms = new Float64Array((order + 1) ** 2);
  for (let l = 0; l <= order; l++) {
    let ratio = 1;
    for (let m = 0; m <= l; m++) {
      if (m > 0) ratio /= (l + m) * (l - m + 1);
      norms[l * (order + 1) + m] = Math.sqrt(((2 * l + 1) / (4 * Math.PI)) * ratio);
    }
  }
  return norms;
}
