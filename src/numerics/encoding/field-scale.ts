import { MomentLayout } from './moment-source.js';
import type { GaussianField } from './response.js';

/** Place of the logarithm of the size among the coordinates. */
const SD = 2;

/**
 * From the sums of a bare Gaussian to those of the scaled field p = c g with c a power of the size: every sum of products is
 * multiplied by c per factor, and the slope by log sd becomes c (d - power g).
 *
 * @param rows - changed, from `at`: sums in the order of the layout
 */
export function scaleSums(
  layout: MomentLayout,
  { height, power }: GaussianField,
  sd: number,
  rows: Float64Array,
  at: number,
): void {
  if (power !== 0) shiftSize(layout, power, rows, at);
  multiply(layout, height(sd), rows, at);
}

/** The slope by log sd, less `power` times the response, in all sums it is part of. */
function shiftSize(layout: MomentLayout, power: number, rows: Float64Array, at: number): void {
  const { size, alongP, alongY } = layout;
  const pp = rows[at + MomentLayout.pp]!;
  const before = rows[at + alongP + SD]!;
  const after = before - power * pp;
  for (let i = 0; i < size; i++) {
    const pair = at + layout.pair(Math.min(i, SD), Math.max(i, SD));
    const own = i === SD ? power * (before + after) : power * rows[at + alongP + i]!;
    rows[pair] = rows[pair]! - own;
  }
  rows[at + alongP + SD] = after;
  rows[at + alongY + SD] = rows[at + alongY + SD]! - power * rows[at + MomentLayout.py]!;
}

function multiply(layout: MomentLayout, c: number, rows: Float64Array, at: number): void {
  const { size, alongP, alongY, gram, length } = layout;
  rows[at + MomentLayout.pp] = rows[at + MomentLayout.pp]! * c * c;
  rows[at + MomentLayout.py] = rows[at + MomentLayout.py]! * c;
  rows[at + MomentLayout.mean] = rows[at + MomentLayout.mean]! * c;
  for (let i = 0; i < size; i++) {
    rows[at + alongP + i] = rows[at + alongP + i]! * c * c;
    rows[at + alongY + i] = rows[at + alongY + i]! * c;
  }
  for (let i = gram; i < length; i++) rows[at + i] = rows[at + i]! * c * c;
}
