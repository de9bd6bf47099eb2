import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { covariatesOfTable, readStudy, withCovariates } from '../../../src/nodes/spectral/study-groups.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();

function table(columns: readonly string[], ...rows: ReadonlyArray<readonly string[]>): string {
  const path = join(directory, 'participants.tsv');
  writeFileSync(path, [columns, ...rows].map((row) => `${row.join('\t')}\n`).join(''));
  return path;
}

test('NA, NaN, nan and blanks are missing values: the column stays one of numbers', async () => {
  const ages = ['60', 'NA', 'NaN', 'nan', 'n/a', ' ', '71.5', '48'];
  const path = table(['participant_id', 'group', 'age'], ...ages.map((age, i) => [`sub-0${i}`, 'a', age]));
  const { covariates, covariatesOf } = await readStudy(path, 'group', ['age']);
  expect(covariates).toEqual([{ column: 'age', as: 'number', categories: null }]);
  const all = [...ages.map((_, i) => `0${i}`), '99'].map((id) => `sub-${id}`);
  const { members, columns, dropped } = withCovariates(all, (id) => id, covariatesOf);
  expect(members).toEqual(['sub-00', 'sub-06', 'sub-07']);
  expect(columns).toEqual([Float64Array.of(60, 71.5, 48)]);
  expect(dropped).toEqual(['sub-01', 'sub-02', 'sub-03', 'sub-04', 'sub-05', 'sub-99']);
});

test('NA, nan and blanks are no group, and blanks around a name do not make another one', async () => {
  const cells = ['patient', 'NA', 'n/a', ' ', 'NaN', ' patient ', 'control'];
  const path = table(['participant_id', 'group'], ...cells.map((cell, i) => [`sub-0${i}`, cell]));
  const { groupOf } = await readStudy(path, 'group', []);
  const groups = cells.map((_, i) => groupOf(`sub-0${i}`));
  expect(groups).toEqual(['patient', null, null, null, null, 'patient', 'control']);
  expect(groupOf('sub-99')).toBeNull();
});

test('C(site) is a category also where its values are numbers', async () => {
  const path = table(['participant_id', 'site'], ['1', '3'], ['2', '1'], ['3', '2'], ['4', '3']);
  const linear = await readStudy(path, 'group', ['site']);
  const ids = ['1', '2', '3', '4'];
  expect(withCovariates(ids, (id) => id, linear.covariatesOf).columns).toEqual([Float64Array.of(3, 1, 2, 3)]);
  const { covariates, covariatesOf } = await readStudy(path, 'group', ['C(site)']);
  expect(covariates).toEqual([{ column: 'site', as: 'category', categories: ['1', '2', '3'] }]);
  const { columns } = withCovariates(ids, (id) => id, covariatesOf);
  expect(columns).toEqual([Float64Array.of(0, 0, 1, 0), Float64Array.of(1, 0, 0, 1)]);
});

test('numbers with text among them are refused with the cells, a column of text is a category', () => {
  const rows = ['61', '62', 'unknown', '64', '>89'].map((age, i) => [age, i < 3 ? 'f' : 'm']);
  const of = (...names: string[]) => covariatesOfTable({ columns: ['age', 'sex'], rows }, names);
  expect(() => of('age')).toThrow('age is numbers in 3 cells and text in 2: "unknown", ">89"');
  expect(of('sex', 'C(age)').map(({ as }) => as)).toEqual(['category', 'category']);
});
