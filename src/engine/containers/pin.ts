import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The digest that was recorded at the first use of an image, or null; for declarations, which cannot wait. */
export function pinnedDigest(cacheDir: string, sifFilename: string): string | null {
  const file = path.join(cacheDir, `${sifFilename}.sha256`);
  if (!existsSync(file)) return null;
  return /^([0-9a-f]{64})\b/.exec(readFileSync(file, 'utf8'))?.[1] ?? null;
}
