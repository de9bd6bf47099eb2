import { packageVersion } from './engine/package-root.js';

/** Version of this package. */
export const VERSION: string = packageVersion();

/** `[major, minor, patch]` of `VERSION`. */
export const VERSION_INFO: readonly [major: number, minor: number, patch: number] = (() => {
  const [major = 0, minor = 0, patch = 0] = VERSION.split(/[.+-]/).map(Number);
  return [major, minor, patch];
})();
