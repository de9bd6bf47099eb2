/**
 * The scripts in dist/start: modules that most commands need, many in one file, compiled by an earlier process where V8
 * accepts what that one left (`npm run build` and `npm install` leave it). Every module of a part is still found under its
 * own path, which hands out what stands here: there is one copy of each.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** Part to its file. A file is named by its content, so that no code of an earlier build can be taken for it. */
const FILES = {};
/** Module to its part. */
const PARTS = {};

const require = createRequire(import.meta.url);
const loaded = new Map();

/** What a module of a part exports. */
export function part(module) {
  return load(PARTS[module])[module];
}

/** Files of compiled form that are not there for this Node. */
export function missingCaches() {
  return Object.values(FILES)
    .map(cacheFile)
    .filter((file) => !existsSync(file));
}

/** Loads every part, for the one who keeps their compiled form. */
export function loadAll() {
  for (const name of Object.keys(FILES)) load(name);
}

/** Where the compiled form of a file stands for this Node. */
function cacheFile(file) {
  return fileURLToPath(new URL(`${file}.${process.version}-${process.arch}.cache`, import.meta.url));
}

/** The parts that were loaded, for the one who keeps their compiled form. */
export function loadedParts() {
  return [...loaded].map(([name, { script }]) => ({ name, script, cacheFile: cacheFile(FILES[name]) }));
}

function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const url = new URL(FILES[name], import.meta.url);
  const cachedData = readIfThere(cacheFile(FILES[name]));
  // Named by its URL, as a module would be: frames of a stack are told from a user's by it.
  const script = new Script(readFileSync(url, 'utf8'), {
    filename: url.href,
    ...(cachedData && { cachedData }),
  });
  const exports = {};
  loaded.set(name, { exports, script });
  script.runInThisContext()(exports, requireFrom, importFrom, import.meta.url);
  return exports;
}

const OURS = 'part:';

/** Modules of Node that take milliseconds to load and are called, if at all, long after a part was loaded. */
const COSTLY = ['node:child_process', 'node:crypto', 'node:worker_threads', 'node:zlib'];

function requireFrom(id) {
  if (id.startsWith(OURS)) return part(id.slice(OURS.length));
  return COSTLY.includes(id) ? new Proxy({}, { get: (_, name) => require(id)[name] }) : require(id);
}

async function importFrom(id) {
  return id.startsWith(OURS) ? part(id.slice(OURS.length)) : import(id);
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
