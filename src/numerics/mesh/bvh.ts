/** A point where a ray meets the surface. */
export interface Crossing {
  /** Distance along the ray, in lengths of its direction. */
  readonly distance: number;
  readonly face: number;
  /** Positive where the ray leaves the solid (its direction runs along the outward normal). */
  readonly orientation: number;
}

const LEAF_FACES = 4;

/** Boxes around the triangles of a mesh, in a binary tree, so that a ray meets few of them. */
export class TriangleTree {
  readonly #vertices: Float64Array;
  readonly #faces: Int32Array;
  /** Triangles in the order of the leaves. */
  readonly #order: Int32Array;
  /** (nodes, 6): lower and upper corner. */
  readonly #boxes: Float64Array;
  /** (nodes, 2): first triangle and count of a leaf; position of the right child and 0 otherwise. */
  readonly #nodes: Int32Array;
  #count = 0;

  /**
   * @param vertices - (n, 3)
   * @param faces - (m, 3)
   */
  constructor(vertices: ArrayLike<number>, faces: ArrayLike<number>) {
    this.#vertices = Float64Array.from(vertices);
    this.#faces = Int32Array.from(faces);
    const faceCount = faces.length / 3;
    this.#order = Int32Array.from({ length: faceCount }, (_, i) => i);
    const nodes = Math.max(1, 2 * faceCount);
    this.#boxes = new Float64Array(6 * nodes);
    this.#nodes = new Int32Array(2 * nodes);
    const centres = new Float64Array(3 * faceCount);
    for (let t = 0; t < faceCount; t++) {
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (let c = 0; c < 3; c++) sum += this.#vertices[3 * this.#faces[3 * t + c]! + axis]!;
        centres[3 * t + axis] = sum / 3;
      }
    }
    this.#build(0, faceCount, centres);
  }

  #build(from: number, to: number, centres: Float64Array): number {
    const node = this.#count++;
    const box = this.#boxes;
    box.fill(Infinity, 6 * node, 6 * node + 3);
    box.fill(-Infinity, 6 * node + 3, 6 * node + 6);
    for (let i = from; i < to; i++) {
      const face = 3 * this.#order[i]!;
      for (let c = 0; c < 3; c++) {
        for (let axis = 0; axis < 3; axis++) {
          const value = this.#vertices[3 * this.#faces[face + c]! + axis]!;
          if (value < box[6 * node + axis]!) box[6 * node + axis] = value;
          if (value > box[6 * node + 3 + axis]!) box[6 * node + 3 + axis] = value;
        }
      }
    }
    if (to - from <= LEAF_FACES) {
      this.#nodes[2 * node] = from;
      this.#nodes[2 * node + 1] = to - from;
      return node;
    }
    const extents = [0, 1, 2].map((axis) => box[6 * node + 3 + axis]! - box[6 * node + axis]!);
    const axis = extents.indexOf(Math.max(...extents));
    // Halves of equal count keep the tree balanced whatever the mesh is like.
    this.#order.subarray(from, to).sort((a, b) => centres[3 * a + axis]! - centres[3 * b + axis]! || a - b);
    const middle = (from + to) >> 1;
    this.#build(from, middle, centres);
    this.#nodes[2 * node] = this.#build(middle, to, centres);
    return node;
  }

  /**
   * All crossings of a ray with the surface beyond `nearest`, in no order; a ray through a side counts both triangles.
   *
   * @param origin - three numbers
   * @param direction - three numbers; distances are in its length
   */
  crossings(origin: ArrayLike<number>, direction: ArrayLike<number>, nearest: number): Crossing[] {
    const found: Crossing[] = [];
    const ray = rayFrame(direction);
    const stack = [0];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (!this.#meetsBox(node, origin, direction, nearest)) continue;
      const count = this.#nodes[2 * node + 1]!;
      if (count === 0) {
        stack.push(this.#nodes[2 * node]!, node + 1);
        continue;
      }
      const first = this.#nodes[2 * node]!;
      for (let i = first; i < first + count; i++) {
        const crossing = this.#cross(this.#order[i]!, origin, ray, nearest);
        if (crossing !== undefined) found.push(crossing);
      }
    }
    return found;
  }

  #meetsBox(node: number, origin: ArrayLike<number>, direction: ArrayLike<number>, nearest: number): boolean {
    const box = this.#boxes;
    let low = nearest;
    let high = Infinity;
    for (let axis = 0; axis < 3; axis++) {
      const [from, step] = [origin[axis]!, direction[axis]!];
      const [lower, upper] = [box[6 * node + axis]!, box[6 * node + 3 + axis]!];
      if (step === 0) {
        // Along the sides there is nothing to divide by: the ray is between them or it is not.
        if (from < lower || from > upper) return false;
        continue;
      }
      const first = (lower - from) / step;
      const second = (upper - from) / step;
      low = Math.max(low, Math.min(first, second));
      high = Math.min(high, Math.max(first, second));
    }
    // Rounding of the divisions must not lose a box that the ray only touches.
    return low <= high + 1e-12 * Math.abs(high);
  }

  /**
   * In a frame in which the ray is the third axis, so that a side that two triangles share gives both the same number
   * with opposite signs: no ray slips through between them.
   *
   * @see Woop, Benthin & Wald 2013
   */
  #cross(face: number, origin: ArrayLike<number>, ray: RayFrame, nearest: number): Crossing | undefined {
    const v = this.#vertices;
    const { x, y, z, shearX, shearY, scaleZ } = ray;
    const [a, b, c] = [
      3 * this.#faces[3 * face]!,
      3 * this.#faces[3 * face + 1]!,
      3 * this.#faces[3 * face + 2]!,
    ];
    const [ox, oy, oz] = [origin[x]!, origin[y]!, origin[z]!];
    const [az, bz, cz] = [v[a + z]! - oz, v[b + z]! - oz, v[c + z]! - oz];
    const [ax, ay] = [v[a + x]! - ox - shearX * az, v[a + y]! - oy - shearY * az];
    const [bx, by] = [v[b + x]! - ox - shearX * bz, v[b + y]! - oy - shearY * bz];
    const [cx, cy] = [v[c + x]! - ox - shearX * cz, v[c + y]! - oy - shearY * cz];
    const first = cx * by - cy * bx;
    const second = ax * cy - ay * cx;
    const third = bx * ay - by * ax;
    if ((first < 0 || second < 0 || third < 0) && (first > 0 || second > 0 || third > 0)) return undefined;
    const sum = first + second + third;
    if (sum === 0) return undefined;
    const distance = (scaleZ * (first * az + second * bz + third * cz)) / sum;
    return distance > nearest ? { distance, face, orientation: -sum } : undefined;
  }
}

/** The axes of a ray's frame: the third is the one along which its direction is longest. */
interface RayFrame {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly shearX: number;
  readonly shearY: number;
  readonly scaleZ: number;
}

function rayFrame(direction: ArrayLike<number>): RayFrame {
  const sizes = [0, 1, 2].map((axis) => Math.abs(direction[axis]!));
  const z = sizes.indexOf(Math.max(...sizes));
  const [first, second] = [(z + 1) % 3, (z + 2) % 3];
  // Swapped where the ray runs down its axis, which keeps the sense of rotation of the triangles.
  const [x, y] = direction[z]! < 0 ? [second, first] : [first, second];
  return {
    x,
    y,
    z,
    shearX: direction[x]! / direction[z]!,
    shearY: direction[y]! / direction[z]!,
    scaleZ: 1 / direction[z]!,
  };
}
