/** What stands for a value that is not there: in BIDS, R, Python. */
const MISSING = /^(n\/?a|nan)?$/i;

/** A cell of a table of participants without blanks around it; null: missing. */
export function presentValue(cell: string | null | undefined): string | null {
  const value = cell?.trim() ?? '';
  return MISSING.test(value) ? null : value;
}
