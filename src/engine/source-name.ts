import { statSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';

/** Where a run reads and writes; absolute. */
export interface SourceRoots {
  readonly outputDir: string;
  /** A folder; null: not known. */
  readonly inputDir: string | null;
}

/**
 * The name of a file in `Sources`: a BIDS URI, `bids::map.nii.gz` below the output directory, `bids:input:101/map.nii.gz`
 * below the input directory, which `DatasetLinks` of the output names. Where one lies in the other, of the inner one. A
 * file of neither has none: it is told relative to the output directory.
 *
 * @param path - absolute
 */
export function sourceName(path: string, { inputDir, outputDir }: SourceRoots): string {
  const below = (folder: string): string | null => {
    const name = relative(folder, path).split(sep).join('/');
    return name === '' || name.startsWith('../') || name === '..' ? null : name;
  };
  const own = below(outputDir);
  const given = inputDir === null ? null : below(inputDir);
  if (given !== null && (own === null || given.length < own.length)) return `bids:input:${given}`;
  return own === null ? relative(outputDir, path).split(sep).join('/') : `bids::${own}`;
}

/** The input directory, or the folder of a table that was given as input. */
export function folderOf(input: string): string {
  return statSync(input, { throwIfNoEntry: false })?.isFile() === true ? dirname(input) : input;
}
