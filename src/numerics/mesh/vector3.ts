/** Vectors of three numbers. */
export type Vector3 = readonly [number, number, number];

/** Row `at` of a table of three columns. */
export function row3(table: ArrayLike<number>, at: number): Vector3 {
  return [table[3 * at]!, table[3 * at + 1]!, table[3 * at + 2]!];
}

export function minus(a: Vector3, b: Vector3): Vector3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function plus(a: Vector3, b: Vector3): Vector3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function scaled(a: Vector3, factor: number): Vector3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

export function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector3, b: Vector3): Vector3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function norm(a: Vector3): number {
  return Math.sqrt(dot(a, a));
}

/** NaN for a vector of zeros. */
export function unit(a: Vector3): Vector3 {
  return scaled(a, 1 / norm(a));
}

/** Two unit vectors that span the plane normal to a unit vector. */
export function planeFrame(normal: Vector3): readonly [Vector3, Vector3] {
  const sizes = normal.map(Math.abs);
  const least = sizes.indexOf(Math.min(...sizes));
  const axis: Vector3 = [least === 0 ? 1 : 0, least === 1 ? 1 : 0, least === 2 ? 1 : 0];
  const first = unit(cross(axis, normal));
  return [first, cross(normal, first)];
}
