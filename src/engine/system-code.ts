import { constants } from 'node:os';

/**
 * The code of a system error (`ENOSPC`). Node has no name for a quota that is used up: it says
 * `Unknown system error -122`.
 */
export function systemCode({ code, errno }: NodeJS.ErrnoException): string | undefined {
  return errno === -constants.errno.EDQUOT ? 'EDQUOT' : code;
}
