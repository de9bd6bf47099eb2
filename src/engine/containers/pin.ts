import { readFileSync } from 'node:fs';
import path from 'node:path';

import { pinPath, statIfThereSync } from './image-file.js';

/**
 * The digest that was recorded at the first use of an image, or null; for declarations, which cannot wait.
 *
 * @throws StorageError when it cannot be told whether one was recorded
 */
export function pinnedDigest(cacheDir: string, sifFilename: string): string | null {
  const file = pinPath(path.join(cacheDir, sifFilename));
  if (statIfThereSync(file) === null) return null;
  return /^([0-9a-f]{64})\b/.exec(readFileSync(file, 'utf8'))?.[1] ?? null;
}
