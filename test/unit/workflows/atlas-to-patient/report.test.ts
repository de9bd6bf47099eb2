import { expect, test } from 'vitest';
import type { ResultFiles } from '../../../../src/engine/result-files.js';
import { describeAtlasToPatient } from '../../../../src/workflows/atlas-to-patient/report.js';

test('patients stand in natural order, however their files were published', () => {
  const files = ['102', '9', '101', '10'].map((item) => ({
    ...{
      path: `${item}/atlas_to_patient/atlas_mean.nii.gz`,
      absolute: '',
      node: 'warp_atlas',
      item,
      fresh: true,
    },
  }));
  const config = { atlas_to_patient: { atlas_dir: 'atlas' } };
  const section = describeAtlasToPatient({ files, config } as unknown as ResultFiles);
  expect(section?.participants?.map(({ label }) => label)).toEqual(['9', '10', '101', '102']);
  const [table] = section?.blocks ?? [];
  expect(table?.kind === 'table' && table.rows.map(([label]) => label)).toEqual(['9', '10', '101', '102']);
});
