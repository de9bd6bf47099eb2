import { readTable } from '../../io/index.js';
import type { SeededRandom } from '../../numerics/random.js';
import { adjustedGroupTests, canAdjust } from '../../numerics/stats/covariate-test.js';
import { groupTests, type FeatureTest } from '../../numerics/stats/group-test.js';

/** Who is in which group, and what is held fixed. */
export interface Study {
  readonly groupOf: (participant: string) => string | null;
  /** Cells of the covariates, in their order; null: not in the table. */
  readonly covariatesOf: (participant: string) => readonly (string | null)[] | null;
}

/** Groups and covariates of a table of participants; ids with or without `sub-`. */
export async function readStudy(path: string, column: string, covariates: readonly string[]): Promise<Study> {
  const { columns, rows } = await readTable(path);
  const [id, group] = [columns.indexOf('participant_id'), columns.indexOf(column)];
  const places = covariates.map((name) => columns.indexOf(name));
  const known = new Map(rows.map((row) => [row[id] ?? '', row]));
  const rowOf = (participant: string): readonly (string | null)[] | null =>
    known.get(participant) ?? known.get(participant.replace(/^sub-/, '')) ?? null;
  return {
    groupOf: (participant) => rowOf(participant)?.[group] ?? null,
    covariatesOf: (participant) => {
      const row = rowOf(participant);
      return row === null ? null : places.map((place) => row[place] ?? null);
    },
  };
}

/** Those who have all covariates, and the covariates as columns of a model: numbers, or an indicator per further category. */
export function withCovariates<T>(
  all: readonly T[],
  participant: (member: T) => string,
  covariatesOf: Study['covariatesOf'],
): { members: T[]; columns: Float64Array[]; dropped: string[] } {
  const cells = all.map((member) => covariatesOf(participant(member)) ?? []);
  const isComplete = cells.map((row) => row.every((cell) => cell !== null && cell.trim() !== ''));
  const members = all.filter((_, i) => isComplete[i]);
  const rows = cells.filter((_, i) => isComplete[i]);
  const columns = (rows[0] ?? []).flatMap((_, c) => {
    const values = rows.map((row) => row[c]!.trim());
    if (values.every((value) => Number.isFinite(Number(value)))) return [Float64Array.from(values, Number)];
    const categories = [...new Set(values)].sort().slice(1);
    return categories.map((category) => Float64Array.from(values, (value) => (value === category ? 1 : 0)));
  });
  return { members, columns, dropped: all.filter((_, i) => !isComplete[i]).map(participant) };
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
