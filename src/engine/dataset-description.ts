/** `dataset_description.json` at the root of an output directory, by which BIDS tools know a folder of derivatives. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { writePieces } from './write-pieces.js';

const FILE = 'dataset_description.json';
const BIDS_VERSION = '1.10.0';
const SOFTWARE = 'neuroloom';

/**
 * Writes it where there is none, or where another release of ours wrote it. One of somebody else stays: it describes
 * their data set, and our files have sidecars.
 *
 * @param version - of neuroloom
 * @param inputDir - absolute; what `bids:input:` in our sidecars stands for, told relative to the output directory
 * @throws StorageError when the disk refuses
 */
export function describeDataset(outputDir: string, version: string, inputDir: string): void {
  const path = join(outputDir, FILE);
  const text = `${JSON.stringify(
    {
      Name: 'Results of neuroloom',
      BIDSVersion: BIDS_VERSION,
      DatasetType: 'derivative',
      GeneratedBy: [{ Name: SOFTWARE, Version: version }],
      DatasetLinks: { input: relative(outputDir, inputDir).split(sep).join('/') },
    },
    null,
    2,
  )}\n`;
  if (existsSync(path)) {
    const there = readFileSync(path, 'utf8');
    if (there === text || !isOurs(there)) return;
  }
  writePieces(path, [text]);
}

function isOurs(text: string): boolean {
  try {
    const json = JSON.parse(text) as { GeneratedBy?: readonly { Name?: unknown }[] } | null;
    return json?.GeneratedBy?.length === 1 && json.GeneratedBy[0]?.Name === SOFTWARE;
  } catch {
    // Whatever it is, it is not of ours.
    return false;
  }
}
