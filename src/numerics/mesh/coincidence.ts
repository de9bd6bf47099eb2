/**
 * For each row of three numbers the first row that equals it, itself where there is none before. 0 and -0 are equal,
 * NaN equals nothing.
 *
 * @param rows - (n, 3)
 * @returns (n), ascending where rows differ
 */
export function firstEqualRows(rows: ArrayLike<number>): Int32Array {
  const n = rows.length / 3;
  let size = 4;
  while (size < 2 * n) size *= 2;
  const table = new Int32Array(size).fill(-1);
  const first = new Int32Array(n);
  const numbers = new Float64Array(3);
  const words = new Uint32Array(numbers.buffer);
  for (let i = 0; i < n; i++) {
    // Adding 0 turns -0 into 0.
    for (let c = 0; c < 3; c++) numbers[c] = rows[3 * i + c]! + 0;
    let hash = 0;
    for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
    let at = (hash ^ (hash >>> 13)) & (size - 1);
    while (table[at] !== -1 && !isEqualRow(rows, table[at]!, i)) at = (at + 1) & (size - 1);
    if (table[at] === -1) table[at] = i;
    first[i] = table[at]!;
  }
  return first;
}

function isEqualRow(rows: ArrayLike<number>, a: number, b: number): boolean {
  return (
    rows[3 * a] === rows[3 * b] && rows[3 * a + 1] === rows[3 * b + 1] && rows[3 * a + 2] === rows[3 * b + 2]
  );
}

/** For each triangle the first one with the same corners, in whatever order. */
export function firstEqualFaces(faces: ArrayLike<number>): Int32Array {
  const rows = Float64Array.from(faces);
  for (let t = 0; t < rows.length; t += 3) rows.subarray(t, t + 3).sort();
  return firstEqualRows(rows);
}

/** Rows that equal an earlier one. */
export function countRepeats(first: Int32Array): number {
  return first.reduce((sum, own, i) => sum + (own === i ? 0 : 1), 0);
}
