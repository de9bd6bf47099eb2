import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../errors.js';
import { INDEX_FILE } from './index-place.js';

/** @throws ConfigError USAGE when a directory is no cache */
export function requireCache(directory: string): void {
  if (existsSync(path.join(directory, 'objects')) || existsSync(path.join(directory, INDEX_FILE))) return;
  throw new ConfigError('USAGE', `there is no cache in ${directory}`, {
    where: directory,
    cure: 'name the output directory of a run with -o, or its cache with --cache-dir',
  });
}
