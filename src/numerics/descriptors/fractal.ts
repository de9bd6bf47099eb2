/** Box counting of a surface. */
export interface BoxCounts {
  /** Slope of ln(count) against ln(1 / side), least squares; about 2 for a smooth surface. */
  readonly dimension: number;
  /** Goodness of the line, 0 to 1. */
  readonly r2: number;
  /** Side of the boxes over the longest edge of the bounding box. */
  readonly sides: readonly number[];
  /** Boxes that the surface touches. */
  readonly counts: readonly number[];
}

const SIDES = [1 / 4, 1 / 8, 1 / 16, 1 / 32];
/** The surface is sampled this much finer than the smallest box. */
const SAMPLES_PER_BOX = 4;

/**
 * Fractal dimension by counting the boxes that the surface touches. The grid starts at the lowest corner of the
 * bounding box, so that the count depends on the position of the grid; a smooth surface gives a little over 2 at these
 * scales, which is no fractality.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), row per triangle
 * @param offset - moves the grid by these parts of a box, 0 to 1; average over several to be free of its position
 */
export function boxCounts(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  offset: readonly [number, number, number] = [0, 0, 0],
): BoxCounts {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length; i++) {
    low[i % 3] = Math.min(low[i % 3]!, vertices[i]!);
    high[i % 3] = Math.max(high[i % 3]!, vertices[i]!);
  }
  const longest = Math.max(...high.map((value, axis) => value - low[axis]!));
  const spacing = (SIDES.at(-1)! * longest) / SAMPLES_PER_BOX;
  const boxes = SIDES.map(() => new Set<number>());
  const add = (x: number, y: number, z: number): void => {
    SIDES.forEach((side, s) => {
      const cells = 1 / side + 2;
      // A point on the far side of the bounding box belongs to the last box, not to one beyond.
      const [i, j, k] = [x, y, z].map((value, axis) =>
        Math.min(
          Math.floor((value - low[axis]!) / (side * longest) + offset[axis]!),
          Math.ceil(1 / side + offset[axis]!) - 1,
        ),
      ) as [number, number, number];
      boxes[s]!.add((i * cells + j) * cells + k);
    });
  };
  for (let t = 0; t < faces.length; t += 3) {
    const corners = [0, 1, 2].map((c) => 3 * faces[t + c]!);
    const [a, b, c] = corners as [number, number, number];
    const edge = Math.max(
      ...[
        [a, b],
        [b, c],
        [c, a],
      ].map(([p, q]) => distance(vertices, p!, q!)),
    );
    const steps = Math.max(1, Math.ceil(edge / spacing));
    for (let i = 0; i <= steps; i++) {
      for (let j = 0; j <= steps - i; j++) {
        const [u, v] = [i / steps, j / steps];
        const w = (steps - i - j) / steps;
        add(
          u * vertices[a]! + v * vertices[b]! + w * vertices[c]!,
          u * vertices[a + 1]! + v * vertices[b + 1]! + w * vertices[c + 1]!,
          u * vertices[a + 2]! + v * vertices[b + 2]! + w * vertices[c + 2]!,
        );
      }
    }
  }
  const counts = boxes.map((set) => set.size);
  return { ...line(SIDES, counts), sides: SIDES, counts };
}

function distance(vertices: ArrayLike<number>, p: number, q: number): number {
  return Math.hypot(
    vertices[p]! - vertices[q]!,
    vertices[p + 1]! - vertices[q + 1]!,
    vertices[p + 2]! - vertices[q + 2]!,
  );
}

function line(sides: readonly number[], counts: readonly number[]): { dimension: number; r2: number } {
  const x = sides.map((side) => -Math.log(side));
  const y = counts.map((count) => Math.log(count));
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const xy = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  const xx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const yy = y.reduce((sum, value) => sum + (value - my) ** 2, 0);
  return { dimension: xy / xx, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy) };
}
