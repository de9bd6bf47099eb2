import { ConfigError } from '../../errors.js';
import { readTable, type TsvTable } from '../../io/index.js';
import type { SeededRandom } from '../../numerics/random.js';
import { adjustedGroupTests, canAdjust } from '../../numerics/stats/covariate-test.js';
import { groupTests, type FeatureTest } from '../../numerics/stats/group-test.js';
import { presentValue } from './present-value.js';

/** A column that is held fixed, and how. */
export interface Covariate {
  readonly column: string;
  readonly as: 'number' | 'category';
  /** Values of a category in the order of the alphabet; all but the first have an indicator. */
  readonly categories: readonly string[] | null;
}

/** Who is in which group, and what is held fixed. */
export interface Study {
  /** Null: not in the table, or the cell says that it is not known. */
  readonly groupOf: (participant: string) => string | null;
  /** Values of the covariates in their order, texts for categories; null in place of missing ones, or of who is not in the table. */
  readonly covariatesOf: (participant: string) => readonly (number | string | null)[] | null;
  readonly covariates: readonly Covariate[];
}

/** `C(site)`, as formulas of R and Python have it. */
const CATEGORY = /^C\((.+)\)$/;
/** Cells that a message names. */
const NAMED = 5;

/** The column that a covariate of the configuration names: `age`, or `C(site)` for a category. */
export function columnOfCovariate(covariate: string): string {
  return CATEGORY.exec(covariate)?.[1]!.trim() ?? covariate;
}

/**
 * How columns of a table are held fixed: as `C(name)` asks for, else as numbers where all values are, else as categories.
 *
 * @throws ConfigError CONFIG_VALUE for a column that is numbers in half of its cells or more, and text in others
 */
export function covariatesOfTable(
  { columns, rows }: Pick<TsvTable, 'columns' | 'rows'>,
  covariates: readonly string[],
): Covariate[] {
  return covariates.map((covariate) => {
    const column = columnOfCovariate(covariate);
    const place = columns.indexOf(column);
    const values = rows.flatMap((row) => presentValue(row[place]) ?? []);
    const texts = values.filter((value) => !isNumber(value));
    if (covariate === column && texts.length === 0) return { column, as: 'number', categories: null };
    if (covariate === column && 2 * texts.length <= values.length) throw mixed(column, texts, values.length);
    return { column, as: 'category', categories: [...new Set(values)].sort() };
  });
}

/** Groups and covariates of a table of participants; ids with or without `sub-`. */
export async function readStudy(path: string, column: string, covariates: readonly string[]): Promise<Study> {
  const { columns, rows } = await readTable(path);
  const [id, group] = [columns.indexOf('participant_id'), columns.indexOf(column)];
  const held = covariatesOfTable({ columns, rows }, covariates);
  const places = held.map((covariate) => columns.indexOf(covariate.column));
  const known = new Map(rows.map((row) => [row[id] ?? '', row]));
  const rowOf = (participant: string): readonly (string | null)[] | null =>
    known.get(participant) ?? known.get(participant.replace(/^sub-/, '')) ?? null;
  return {
    groupOf: (participant) => presentValue(rowOf(participant)?.[group]),
    covariatesOf: (participant) => {
      const row = rowOf(participant);
      if (row === null) return null;
      return held.map(({ as }, c) => {
        const value = presentValue(row[places[c]!]);
        return value === null || as === 'category' ? value : Number(value);
      });
    },
    covariates: held,
  };
}

/** Those who have all covariates, and the covariates as columns of a model: numbers, or an indicator per further category. */
export function withCovariates<T>(
  all: readonly T[],
  participant: (member: T) => string,
  covariatesOf: Study['covariatesOf'],
): { members: T[]; columns: Float64Array[]; dropped: string[] } {
  const values = all.map((member) => covariatesOf(participant(member)));
  const isComplete = values.map((row) => row !== null && !row.includes(null));
  const members = all.filter((_, i) => isComplete[i]);
  const rows = values.filter((_, i) => isComplete[i]) as (readonly (number | string)[])[];
  const columns = (rows[0] ?? []).flatMap((first, c) => {
    const own = rows.map((row) => row[c]!);
    if (typeof first === 'number') return [Float64Array.from(own as number[])];
    const categories = [...new Set(own)].sort().slice(1);
    return categories.map((category) => Float64Array.from(own, (value) => (value === category ? 1 : 0)));
  });
  return { members, columns, dropped: all.filter((_, i) => !isComplete[i]).map(participant) };
}

function isNumber(value: string): boolean {
  return Number.isFinite(Number(value));
}

function mixed(column: string, texts: readonly string[], count: number): ConfigError {
  const different = [...new Set(texts)];
  const named = different.slice(0, NAMED).map((text) => JSON.stringify(text));
  const more = different.length > NAMED ? ` and ${different.length - NAMED} more` : '';
  return new ConfigError(
    'CONFIG_VALUE',
    `covariates: ${column} is numbers in ${count - texts.length} cells and text in ${texts.length}: ${named.join(', ')}${more}`,
    {
      where: 'covariates',
      cure: `put n/a where a number is not known, or name C(${column}) to take each value as a category`,
    },
  );
}

/**
 * Tests of features between groups: by permutation of labels, or with covariates by permutation of the residuals of their
 * model.
 */
export function testFeatures(
  features: readonly Float64Array[],
  labels: readonly number[],
  covariates: readonly Float64Array[],
  random: SeededRandom,
  permutations: number,
): FeatureTest[] {
  return covariates.length === 0
    ? groupTests(features, labels, random, permutations)
    : adjustedGroupTests(features, labels, covariates, random, permutations);
}

/** Why groups cannot be compared with these covariates held fixed; null: they can. */
export function confoundedNote(
  labels: readonly number[],
  covariates: readonly Float64Array[],
): string | null {
  if (covariates.length === 0 || canAdjust(labels, covariates)) return null;
  return 'the covariates leave nothing of the groups, or there are too few participants for them';
}
