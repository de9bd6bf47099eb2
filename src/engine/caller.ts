import { pathToFileURL } from 'node:url';

/**
 * URL of the module that called a function: the first frame above it.
 *
 * @param below - the function whose caller is asked for
 * @returns a file: URL, or the empty string when the caller is not a module on disk
 */
export function callerModule(below: (...args: never[]) => unknown): string {
  const prepare = Error.prepareStackTrace;
  const limit = Error.stackTraceLimit;
  const holder: { stack?: NodeJS.CallSite[] } = {};
  try {
    Error.stackTraceLimit = 8;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(holder, below);
    for (const site of holder.stack ?? []) {
      const name = site.getFileName() ?? site.getScriptNameOrSourceURL();
      if (name === undefined || name === null || name.startsWith('node:')) continue;
      return name.startsWith('file:') ? name : pathToFileURL(name).href;
    }
    return '';
  } finally {
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = limit;
  }
}
