/** Distances on a polyhedral surface without error: the lengths of its shortest paths. */
import { ProcessingError } from '../../errors.js';

/**
 * A bundle of straight paths that enter a triangle through a part of one of its sides. The side lies on the x axis with its
 * first vertex at 0 and the triangle above; the paths come from a point below it, after `before`.
 */
interface Window {
  readonly kind: 'window';
  /** 3 t + c: side from corner c to the next one of triangle t, which the paths enter. */
  readonly side: number;
  readonly from: number;
  readonly to: number;
  readonly x: number;
  readonly y: number;
  readonly before: number;
  /** Least length of a path of the bundle: the order in which bundles are taken. */
  readonly least: number;
}

/** A vertex that shortest paths may turn at: sources, saddles, the boundary, and where pieces only touch. */
interface Turn {
  readonly kind: 'turn';
  readonly vertex: number;
  readonly least: number;
}

type Event = Window | Turn;

/** Of the side: parts that are shorter say nothing. */
const SHORTEST_PART = 1e-12;
/** Relative: a distance counts as longer only beyond the rounding of a long chain of triangles. */
const ROUNDING = 1e-10;

/**
 * Exact geodesic distances: bundles of straight paths are followed from triangle to triangle, unfolded into the plane, and given up where a
 * known path is shorter. Lengths are those of shortest paths on the triangles, to rounding.
 *
 * @see Mitchell, Mount & Papadimitriou 1987; Chen & Han 1990; Xin & Wang 2009 (order and tests)
 */
export class ExactGeodesics {
  readonly #faces: Int32Array;
  /** (3 m): length of each side. */
  readonly #lengths: Float64Array;
  /** (3 m): the same side seen from the other triangle, -1 on a boundary. */
  readonly #twins: Int32Array;
  /** (n): whether shortest paths may turn there. */
  readonly #isTurn: Uint8Array;
  /** Sides that are opposite to a vertex: `#opposite[#starts[v]] ...`. */
  readonly #starts: Int32Array;
  readonly #opposite: Int32Array;

  /**
   * @param vertices - (n, 3)
   * @param faces - (m, 3)
   * @throws ProcessingError INVALID_ARGUMENT for a triangle without area, and for edges of more than two triangles
   */
  constructor(vertices: ArrayLike<number>, faces: ArrayLike<number>) {
    this.#faces = Int32Array.from(faces);
    const n = vertices.length / 3;
    const sides = faces.length;
    this.#lengths = new Float64Array(sides);
    this.#twins = new Int32Array(sides).fill(-1);
    const open = new Map<number, number>();
    for (let side = 0; side < sides; side++) {
      const [a, b] = [this.#faces[side]!, this.#faces[next(side)]!];
      let squares = 0;
      for (let d = 0; d < 3; d++) squares += (vertices[3 * a + d]! - vertices[3 * b + d]!) ** 2;
      this.#lengths[side] = Math.sqrt(squares);
      const key = Math.min(a, b) * n + Math.max(a, b);
      const other = open.get(key);
      if (other === undefined) open.set(key, side);
      else if (this.#twins[other]! >= 0) {
        throw new ProcessingError('INVALID_ARGUMENT', `more than two triangles meet at the edge ${a}-${b}`, {
          where: 'ExactGeodesics',
          cure: 'repair the mesh, or use HeatGeodesics',
        });
      } else {
        this.#twins[side] = other;
        this.#twins[other] = side;
      }
    }
    const angles = new Float64Array(n);
    const counts = new Int32Array(n + 1);
    for (let side = 0; side < sides; side++) {
      const angle = this.#angle(side);
      if (!(angle > 0)) {
        throw new ProcessingError('INVALID_ARGUMENT', `triangle ${Math.floor(side / 3)} has no area`, {
          where: 'ExactGeodesics',
          cure: 'repair the mesh (degenerate_faces), or use HeatGeodesics',
        });
      }
      angles[this.#faces[side]!]! += angle;
      counts[this.#faces[side]! + 1]!++;
    }
    this.#isTurn = Uint8Array.from(angles, (angle) => (angle > 2 * Math.PI - 1e-9 ? 1 : 0));
    for (let side = 0; side < sides; side++) {
      if (this.#twins[side]! >= 0) continue;
      this.#isTurn[this.#faces[side]!] = 1;
      this.#isTurn[this.#faces[next(side)]!] = 1;
    }
    for (let v = 0; v < n; v++) counts[v + 1]! += counts[v]!;
    this.#starts = counts.slice();
    this.#opposite = new Int32Array(sides);
    for (let side = 0; side < sides; side++) this.#opposite[counts[this.#faces[side]!]!++] = next(side);
    for (let v = 0; v < n; v++) if (this.#isTurn[v] === 0 && !this.#isOneFan(v)) this.#isTurn[v] = 1;
  }

  /** Whether the triangles around a vertex that is on no boundary follow each other in one round. */
  #isOneFan(vertex: number): boolean {
    const count = this.#starts[vertex + 1]! - this.#starts[vertex]!;
    if (count === 0) return true;
    const first = Math.floor(this.#opposite[this.#starts[vertex]!]! / 3);
    let seen = 0;
    let triangle = first;
    let came = -1;
    do {
      // Over the side of the vertex that was not come through; triangles may be turned either way.
      const sides = [3 * triangle, 3 * triangle + 1, 3 * triangle + 2];
      const out = sides.find(
        (side) => side !== came && (this.#faces[side] === vertex || this.#faces[next(side)] === vertex),
      )!;
      came = this.#twins[out]!;
      triangle = Math.floor(came / 3);
      seen++;
    } while (triangle !== first);
    return seen === count;
  }

  /**
   * Distance of every vertex from the nearest source.
   *
   * @returns (n), unit of the coordinates; Infinity where no way leads
   * @throws ProcessingError INVALID_ARGUMENT for a source that is no vertex of the surface
   */
  from(sources: ArrayLike<number>): Float64Array {
    const n = this.#isTurn.length;
    const distances = new Float64Array(n).fill(Infinity);
    const queue = new EventQueue();
    // Of each side: the shortest bundle that reached the opposite corner, and where it crossed.
    const best = new Float64Array(this.#faces.length).fill(Infinity);
    const crossing = new Float64Array(this.#faces.length);
    for (const source of Array.from(sources)) {
      if (!(this.#starts[source + 1]! > this.#starts[source]!)) {
        throw new ProcessingError('INVALID_ARGUMENT', `the source ${source} is no vertex of the surface`, {
          where: 'ExactGeodesics',
          cure: `give vertices from 0 to ${n - 1} that belong to a triangle`,
        });
      }
      distances[source] = 0;
      queue.push({ kind: 'turn', vertex: source, least: 0 });
    }
    const reach = (vertex: number, distance: number): void => {
      if (!(distance < distances[vertex]!)) return;
      distances[vertex] = distance;
      if (this.#isTurn[vertex] === 1) queue.push({ kind: 'turn', vertex, least: distance });
    };
    for (let event = queue.pop(); event !== null; event = queue.pop()) {
      if (event.kind === 'turn') {
        if (event.least > distances[event.vertex]!) continue;
        this.#turn(event, reach, queue, distances);
      } else if (!this.#isBeaten(event, distances)) {
        this.#follow(event, reach, queue, distances, best, crossing);
      }
    }
    return distances;
  }

  /** All straight paths from a vertex into the triangles around it. */
  #turn(
    { vertex, least }: Turn,
    reach: (vertex: number, distance: number) => void,
    queue: EventQueue,
    distances: Float64Array,
  ): void {
    for (let i = this.#starts[vertex]!; i < this.#starts[vertex + 1]!; i++) {
      const side = this.#opposite[i]!;
      const [after, before] = [next(side), next(next(side))];
      reach(this.#faces[side]!, least + this.#lengths[before]!);
      reach(this.#faces[after]!, least + this.#lengths[after]!);
      const length = this.#lengths[side]!;
      const { x, y } = this.#apex(side);
      this.#enter(side, 0, length, x, y, least, queue, distances);
    }
  }

  /** Puts a bundle that leaves a triangle through a side into the triangle beyond. The point lies above the side here. */
  #enter(
    side: number,
    from: number,
    to: number,
    x: number,
    y: number,
    before: number,
    queue: EventQueue,
    distances: Float64Array,
  ): void {
    const twin = this.#twins[side]!;
    const length = this.#lengths[side]!;
    if (twin < 0 || !(to - from > SHORTEST_PART * length)) return;
    // The other triangle may see the side in either direction.
    const isTurned = this.#faces[twin] !== this.#faces[side];
    const [a, b, px] = isTurned ? [length - to, length - from, length - x] : [from, to, x];
    const nearest = Math.min(Math.max(px, a), b);
    const event: Window = {
      kind: 'window',
      side: twin,
      from: a,
      to: b,
      x: px,
      y: -y,
      before,
      least: before + Math.hypot(px - nearest, y),
    };
    if (!this.#isBeaten(event, distances)) queue.push(event);
  }

  /** Whether known paths to the corners make every path of the bundle useless. */
  #isBeaten({ side, from, to, x, y, before }: Window, distances: Float64Array): boolean {
    const length = this.#lengths[side]!;
    const [start, end] = [distances[this.#faces[side]!]!, distances[this.#faces[next(side)]!]!];
    const [toFrom, toTo] = [before + Math.hypot(from - x, y), before + Math.hypot(to - x, y)];
    const isLonger = (own: number, other: number): boolean => own > other * (1 + ROUNDING);
    return isLonger(toTo, start + to) || isLonger(toFrom, end + length - from);
  }

  /** Follows a bundle through its triangle. */
  #follow(
    { side, from, to, x, y, before }: Window,
    reach: (vertex: number, distance: number) => void,
    queue: EventQueue,
    distances: Float64Array,
    best: Float64Array,
    crossing: Float64Array,
  ): void {
    const length = this.#lengths[side]!;
    const { x: px, y: py } = this.#apex(side);
    // Where the straight path to the opposite corner crosses the side.
    const share = -y / (py - y);
    const at = x + share * (px - x);
    const slack = ROUNDING * length;
    const [isRight, isLeft] = [at < from - slack, at > to + slack];
    let [goesLeft, goesRight] = [!isRight, !isLeft];
    const corner = before + Math.hypot(px - x, py - y);
    if (goesLeft && goesRight) {
      const apex = this.#faces[next(next(side))]!;
      reach(apex, corner);
      if (corner < best[side]!) {
        best[side] = corner;
        crossing[side] = at;
      } else if (corner > best[side]! * (1 + ROUNDING)) {
        // Paths that cross those of the shorter bundle are no shortest ones.
        if (at < crossing[side]!) goesRight = false;
        else goesLeft = false;
      }
    }
    if (goesLeft) {
      // Side from the apex to the first vertex: parts are counted from the apex.
      const left = next(next(side));
      const whole = this.#lengths[left]!;
      const far = crossedAt(x, y, from, px, py, 0, 0);
      const near = isLeft ? crossedAt(x, y, to, px, py, 0, 0) : 0;
      const point = seenFrom(x, y, px, py, 0, 0, whole);
      this.#enter(left, whole * near, whole * far, point.x, point.y, before, queue, distances);
    }
    if (goesRight) {
      // Side from the second vertex to the apex.
      const right = next(side);
      const whole = this.#lengths[right]!;
      const near = crossedAt(x, y, to, length, 0, px, py);
      const far = isRight ? crossedAt(x, y, from, length, 0, px, py) : 1;
      const point = seenFrom(x, y, length, 0, px, py, whole);
      this.#enter(right, whole * near, whole * far, point.x, point.y, before, queue, distances);
    }
  }

  /** The corner opposite to a side that lies on the x axis. */
  #apex(side: number): { x: number; y: number } {
    const [c, a, b] = [this.#lengths[side]!, this.#lengths[next(side)]!, this.#lengths[next(next(side))]!];
    const x = (c * c + b * b - a * a) / (2 * c);
    return { x, y: Math.sqrt(Math.max(b * b - x * x, 0)) };
  }

  #angle(side: number): number {
    const { x, y } = this.#apex(side);
    return Math.atan2(y, x);
  }
}

/** The side after this one in its triangle. */
function next(side: number): number {
  return side % 3 === 2 ? side - 2 : side + 1;
}

/** Where a ray from (x, y) through (u, 0) meets the segment from (ax, ay) to (bx, by): 0 to 1. */
function crossedAt(x: number, y: number, u: number, ax: number, ay: number, bx: number, by: number): number {
  const [dx, dy] = [u - x, -y];
  const [ex, ey] = [bx - ax, by - ay];
  const share = (dx * (ay - y) - dy * (ax - x)) / (dy * ex - dx * ey);
  return Math.min(1, Math.max(0, share));
}

/** A point in the coordinates of a segment: along it, and the distance from its line. */
function seenFrom(
  x: number,
  y: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
  length: number,
): { x: number; y: number } {
  const [ex, ey] = [(bx - ax) / length, (by - ay) / length];
  return { x: (x - ax) * ex + (y - ay) * ey, y: Math.abs((y - ay) * ex - (x - ax) * ey) };
}

/** Events in the order of their least distance. */
class EventQueue {
  readonly #heap: Event[] = [];

  push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.least <= event.least) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): Event | null {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.least < heap[child]!.least) child++;
      if (heap[child]!.least >= last.least) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
