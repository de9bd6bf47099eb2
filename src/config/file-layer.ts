import { open } from 'node:fs/promises';
import { relative } from 'node:path';
import { err, ok, type Result } from '../result.js';
import { SourceText } from './excerpt.js';
import { isTree, type Layer, type Path } from './layer.js';
import { pathText, type ConfigProblem } from './problem.js';
import { parseYaml, spanKey } from './yaml.js';

export const MAX_FILE_BYTES = 5 * 1024 * 1024;

/** A file as people standing in `cwd` would name it: relative when it is below, else as it was given. */
export function shownPath(path: string, cwd: string): string {
  const below = relative(cwd, path);
  return below === '' || below.startsWith('..') ? path : below;
}

/** Reads one configuration file; every problem of its syntax at once. `path` is absolute. */
export async function readFileLayer(path: string, cwd: string): Promise<Result<Layer, ConfigProblem[]>> {
  const file = shownPath(path, cwd);
  const text = await readText(path, file);
  if (!text.ok) return err([text.error]);
  const source = new SourceText(file, text.value);
  const yaml = parseYaml(text.value);
  const problems: ConfigProblem[] = yaml.problems.map(({ span, path: key, ...problem }) => ({
    severity: 'error',
    ...problem,
    path: pathText(key),
    ...source.place(span.start, span.end),
  }));
  if (problems.length === 0 && yaml.value !== null && !isTree(yaml.value)) {
    const first = text.value.search(/[^\s]/);
    problems.push({
      severity: 'error',
      code: 'CONFIG_SYNTAX',
      path: '',
      message: 'a configuration is a block of keys, this file holds something else',
      cure: 'write `key: value` lines',
      ...source.place(first, first + 1),
    });
  }
  if (problems.length > 0) return err(problems);
  const tree = isTree(yaml.value) ? yaml.value : {};
  return ok({
    tree,
    locate(key: Path, part) {
      for (let length = key.length; length > 0; length--) {
        const span = yaml.spans.get(spanKey(key.slice(0, length)));
        // An ancestor stands for a key that is not written: its own key is the place, not its whole block.
        const wanted = length === key.length ? part : 'key';
        if (span !== undefined) return source.place(span[wanted].start, span[wanted].end);
      }
      return source.place(0, 1);
    },
  });
}

async function readText(path: string, file: string): Promise<Result<string, ConfigProblem>> {
  const refuse = (message: string, cure: string): Result<string, ConfigProblem> =>
    err({
      severity: 'error',
      code: 'CONFIG_FILE',
      path: '',
      message,
      cure,
      origin: { kind: 'argument', flag: file },
      excerpt: null,
    });
  let handle;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    if (size > MAX_FILE_BYTES)
      return refuse('this file is larger than 5 MB', 'give a configuration file, not data');
    const bytes = await handle.readFile();
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return refuse(...fileFailure(error as NodeJS.ErrnoException));
  } finally {
    await handle?.close();
  }
}

function fileFailure(error: NodeJS.ErrnoException): [message: string, cure: string] {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return ['there is no such configuration file', 'check the path after -c'];
    case 'EISDIR':
      return ['this is a directory, not a configuration file', 'name the file in it'];
    case 'EACCES':
    case 'EPERM':
      return ['this configuration file may not be read', 'change its permissions'];
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return ['this file is not UTF-8 text', 'save it as UTF-8'];
    default:
      throw error;
  }
}
