import { readFile } from 'node:fs/promises';

import type { InputFile } from '../../engine/port.js';
import { SurfaceRecord } from './surface-record.js';

export async function readRecords(files: readonly InputFile[]): Promise<SurfaceRecord[]> {
  const records = [];
  for (const { path } of files) records.push(SurfaceRecord.parse(JSON.parse(await readFile(path, 'utf8'))));
  return records;
}
