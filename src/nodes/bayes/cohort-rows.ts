/** One row per participant out of a cohort table and the table of participants. */
import { ProcessingError } from '../../errors.js';
import type { TsvTable } from '../../io/index.js';

export interface CohortRow {
  readonly participant: string;
  readonly numbers: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface CohortRows {
  readonly rows: readonly CohortRow[];
  readonly dropped: readonly { readonly participant: string; readonly reason: string }[];
}

export interface CohortColumns {
  /** Numbers of the cohort table; rows of one participant are averaged. */
  readonly ofTable: readonly string[];
  /** Numbers of the participants. */
  readonly ofPeople: readonly string[];
  /** Words of the participants. */
  readonly labels: readonly string[];
}

/**
 * Participants that have all columns; the others with the reason.
 *
 * @param where - rows of the table that count, by column and value
 * @throws ProcessingError INVALID_ARGUMENT for a column that is not there, or when nobody is left
 */
export function cohortRows(
  table: TsvTable,
  people: TsvTable,
  columns: CohortColumns,
  where: Readonly<Record<string, string>>,
): CohortRows {
  const filters = Object.entries(where).map(
    ([name, value]) => [columnOf(table, name, 'table'), value] as const,
  );
  const valueAt = columns.ofTable.map((name) => columnOf(table, name, 'table'));
  const numberAt = columns.ofPeople.map((name) => columnOf(people, name, 'table of participants'));
  const labelAt = columns.labels.map((name) => columnOf(people, name, 'table of participants'));
  const counted = table.rows.filter((row) => filters.every(([at, value]) => row[at] === value));
  const whoAt = Math.max(0, table.columns.indexOf('participant'));
  const idAt = Math.max(0, people.columns.indexOf('participant_id'));
  const rows: CohortRow[] = [];
  const dropped: { participant: string; reason: string }[] = [];
  for (const person of people.rows) {
    const participant = person[idAt] ?? '';
    const own = counted.filter((row) => namesParticipant(row[whoAt] ?? '', participant));
    const means = valueAt.map((at) => meanOf(own.map((row) => row[at] ?? null)));
    const numbers = numberAt.map((at) => numberOf(person[at] ?? null));
    const labels = labelAt.map((at) => person[at] ?? null);
    const lacking = [
      ...columns.ofTable.filter((_, i) => means[i] === null),
      ...columns.ofPeople.filter((_, i) => numbers[i] === null),
      ...columns.labels.filter((_, i) => labels[i] === null),
    ];
    if (own.length === 0 && columns.ofTable.length > 0)
      dropped.push({ participant, reason: 'no row of the table' });
    else if (lacking.length > 0) dropped.push({ participant, reason: `no ${lacking.join(', ')}` });
    else {
      const named = (names: readonly string[], found: readonly unknown[]): [string, unknown][] =>
        names.map((name, i) => [name, found[i]]);
      rows.push({
        participant,
        numbers: Object.fromEntries([
          ...named(columns.ofTable, means),
          ...named(columns.ofPeople, numbers),
        ]) as Record<string, number>,
        labels: Object.fromEntries(named(columns.labels, labels)) as Record<string, string>,
      });
    }
  }
  if (rows.length === 0) {
    throw refused(
      'no participant has all columns',
      `the table must name participants as the participants do, for example ${people.rows[0]?.[idAt] ?? 'sub-01'}`,
    );
  }
  return { rows, dropped };
}

export function numbersOf(rows: readonly CohortRow[], column: string): number[] {
  return rows.map(({ numbers }) => numbers[column]!);
}

/** Values of two groups with their names. @throws ProcessingError INVALID_ARGUMENT where there are not two */
export function groupPair(
  rows: readonly CohortRow[],
  values: readonly number[],
  column: string | null,
  chosen: readonly [string, string] | null,
): { values: [number[], number[]]; names: [string, string] } {
  if (column === null) throw refused('no column with the groups is named', 'set group');
  const labels = rows.map((row) => row.labels[column]!);
  const there = [...new Set(labels)].sort();
  const names = chosen ?? there;
  if (names.length !== 2 || names.some((name) => !there.includes(name))) {
    throw refused(
      `column ${column} has the groups ${there.join(', ')}; two are compared`,
      'name the two with groups',
    );
  }
  const [first, second] = names as [string, string];
  const of = (name: string): number[] => values.filter((_, i) => labels[i] === name);
  return { values: [of(first), of(second)], names: [first, second] };
}

/** `sub-01` is named by itself, `01`, and as an entity of a path such as `eeg/sub-01_task-rest`. */
export function namesParticipant(cell: string, participant: string): boolean {
  if (cell === participant || `sub-${cell}` === participant) return true;
  return cell.split(/[/_.]/).includes(participant);
}

function meanOf(cells: readonly (string | null)[]): number | null {
  const numbers = cells.map(numberOf).filter((number) => number !== null);
  return numbers.length === 0 ? null : numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

function numberOf(cell: string | null): number | null {
  const number = cell === null || cell.trim() === '' ? Number.NaN : Number(cell);
  return Number.isFinite(number) ? number : null;
}

function columnOf(table: TsvTable, name: string, which: string): number {
  const at = table.columns.indexOf(name);
  if (at >= 0) return at;
  throw refused(`the ${which} has no column '${name}'`, `use one of ${table.columns.join(', ')}`);
}

function refused(what: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', `bayesian_group: ${what}`, { cure });
}
