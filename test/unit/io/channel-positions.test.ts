import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { formatTsv, readPositions } from '../../../src/io/index.js';
import { positionFiles } from '../../../src/workflows/fooof/positions.js';
import { temporaryDirectory } from '../../support/temporary.js';

const folder = temporaryDirectory();

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('a table of electrodes is turned as its coordinate system says; electrodes without position are left out', async () => {
  const rows = [['Fz', 8, 1, 6], ['REF', null, null, null], ['T8', 0, -9, 0]]; // prettier-ignore
  const electrodes = put('a_electrodes.tsv', formatTsv(['name', 'x', 'y', 'z'], rows));
  expect([...(await readPositions({ electrodes }))]).toEqual([['Fz', [8, 1, 6]], ['T8', [0, -9, 0]]]); // prettier-ignore
  const coordsystem = put('a_coordsystem.json', '{"EEGCoordinateSystem": "CTF"}');
  const turned = await readPositions({ electrodes, coordsystem });
  expect([...turned]).toEqual([['Fz', [-1, 8, 6]], ['T8', [9, 0, 0]]]); // prettier-ignore
  const broken = put('b_electrodes.tsv', 'name\tx\ty\tz\nFz\t1\tleft\t2\n');
  await expect(readPositions({ electrodes: broken })).rejects.toThrow(
    ':2 cannot be read: the position of Fz',
  );
  const without = put('c_electrodes.tsv', 'name\tx\ty\nFz\t1\t2\n');
  await expect(readPositions({ electrodes: without })).rejects.toThrow('it has no column z');
});

test('a BrainVision header gives positions on a sphere; radius 0 is none', async () => {
  const text = [
    'Brain Vision Data Exchange Header File Version 1.0',
    '[Common Infos]',
    'NumberOfChannels=4',
    '[Channel Infos]',
    ...['Ch1=Cz,,0.1', 'Ch2=T8,,0.1', 'Ch3=Oz,,0.1', 'Ch4=EOG,,0.1'],
    '[Coordinates]',
    ...['Ch1=1,0,0', 'Ch2=1,90,0', 'Ch3=1,90,-90', 'Ch4=0,0,0'],
  ].join('\r\n');
  const positions = await readPositions({ brainvision: put('a.vhdr', text) });
  expect([...positions.keys()]).toEqual(['Cz', 'T8', 'Oz']);
  const near = (name: string, expected: number[]) =>
    positions.get(name)!.forEach((value, axis) => expect(value).toBeCloseTo(expected[axis]!, 12));
  near('Cz', [0, 0, 1]);
  near('T8', [1, 0, 0]);
  near('Oz', [0, -1, 0]);
});

test('the table whose entities a recording has is its own; recordings within the head have none', () => {
  const own = join(folder, 'bids');
  mkdirSync(own);
  writeFileSync(join(own, 'sub-01_ses-2_space-CapTrak_coordsystem.json'), '{}');
  const names = [
    'sub-01_electrodes.tsv',
    'sub-01_ses-2_space-CapTrak_electrodes.tsv',
    'sub-02_electrodes.tsv',
  ];
  const of = (file: string, format: 'edf' | 'brainvision' | 'tsv' = 'edf', list = names) =>
    positionFiles(format, join(own, file), () => list).map(({ role, path }) => [
      role,
      path.slice(own.length + 1),
    ]);
  expect(of('sub-01_ses-2_task-rest_eeg.edf')).toEqual([
    ['electrodes', 'sub-01_ses-2_space-CapTrak_electrodes.tsv'],
    ['coordsystem', 'sub-01_ses-2_space-CapTrak_coordsystem.json'],
  ]);
  expect(of('sub-01_ses-1_task-rest_eeg.edf')).toEqual([['electrodes', 'sub-01_electrodes.tsv']]);
  expect(of('sub-03_eeg.vhdr', 'brainvision')).toEqual([['brainvision', 'sub-03_eeg.vhdr']]);
  expect(of('sub-01_ses-1_ieeg.edf')).toEqual([]);
  expect(of('rest.tsv', 'tsv', ['rest_electrodes.tsv'])).toEqual([['electrodes', 'rest_electrodes.tsv']]);
  expect(of('rest.tsv', 'tsv', ['electrodes.tsv'])).toEqual([['electrodes', 'electrodes.tsv']]);
  expect(of('rest.tsv', 'tsv', [])).toEqual([]);
});
