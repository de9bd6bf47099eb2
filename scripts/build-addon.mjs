/**
 * Builds native/ into build/Release/neuroloom_native.node with node-gyp. Run at install and by `npm run build:addon`.
 * Does nothing when the built file fits the sources, unless --force. Without a compiler the product still installs: the
 * failure is one warning and exit 0, with --strict exit 1.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'native');
const releaseDir = join(root, 'build', 'Release');
const addon = join(releaseDir, 'neuroloom_native.node');
const stampFile = join(releaseDir, 'neuroloom_native.stamp');
// node-gyp works on a copy, so that its makefiles and objects stay out of native/ (and out of the package).
const staging = join(root, 'build', 'native');

/** What the built file depends on: the sources, this Node's ABI and the machine. */
function fingerprint() {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([process.versions.modules, process.platform, process.arch]));
  const files = readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(`${file.slice(sources.length)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** The node-gyp of the running npm, of the npm beside this Node, or on the PATH. */
function findNodeGyp() {
  const fromNpm = (directory) => join(directory, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const prefix = resolve(dirname(process.execPath), '..');
  const candidates = [
    process.env['npm_config_node_gyp'],
    process.env['npm_execpath'] && fromNpm(resolve(dirname(process.env['npm_execpath']), '..')),
    fromNpm(join(prefix, 'lib', 'node_modules', 'npm')),
    fromNpm(join(dirname(process.execPath), 'node_modules', 'npm')),
    join(prefix, 'share', 'nodejs', 'node-gyp', 'bin', 'node-gyp.js'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node-gyp')),
  ];
  try {
    candidates.push(createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js'));
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  return candidates.find((candidate) => candidate && existsSync(candidate));
}

/** Folder with the headers of Node, installed or as its source tree; undefined lets node-gyp download them. */
function findNodeDir() {
  const candidates = [process.env['npm_config_nodedir'], resolve(dirname(process.execPath), '..')];
  const headers = [join('include', 'node', 'node_api.h'), join('src', 'node_api.h')];
  return candidates.find(
    (directory) => directory && headers.some((header) => existsSync(join(directory, header))),
  );
}

function build() {
  const nodeGyp = findNodeGyp();
  if (nodeGyp === undefined) return 'node-gyp was not found; it comes with npm';
  const nodeDir = findNodeDir();
  mkdirSync(staging, { recursive: true });
  for (const name of readdirSync(staging)) {
    if (name !== 'build') rmSync(join(staging, name), { recursive: true, force: true });
  }
  cpSync(sources, staging, { recursive: true, preserveTimestamps: true });
  const args = [nodeGyp, 'configure', 'build', '--release', '-j', '2', '--directory', staging];
  if (nodeDir !== undefined) args.push('--nodedir', nodeDir);
  const run = spawnSync(process.execPath, args, { cwd: staging, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.error !== undefined) return run.error.message;
  if (run.status !== 0) return tail(`${run.stdout}\n${run.stderr}`);
  mkdirSync(releaseDir, { recursive: true });
  const part = `${addon}.part-${process.pid}`;
  cpSync(join(staging, 'build', 'Release', 'neuroloom_native.node'), part);
  renameSync(part, addon);
  return undefined;
}

/** The lines of a failed build that say why. */
function tail(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /\berror\b|gyp ERR! (stack|not ok)|not found/i.test(line));
  return (errors.length > 0 ? errors.slice(0, 6) : lines.slice(-6)).join('\n  ');
}

function main() {
  const strict = process.argv.includes('--strict');
  const wanted = fingerprint();
  const upToDate = existsSync(addon) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;
  if (upToDate && !process.argv.includes('--force')) return 0;
  // An addon of older sources must not stay behind when the build fails.
  rmSync(stampFile, { force: true });
  rmSync(addon, { force: true });
  let problem;
  try {
    problem = build();
  } catch (error) {
    problem = error.message;
  }
  if (problem === undefined) {
    writeFileSync(stampFile, wanted);
    return 0;
  }
  console.warn(
    `${strict ? 'error' : 'warning'}: the native kernels of neuroloom could not be built, so device 'cpu' will use the slow portable ` +
      `kernels, which are good for tests and tiny grids only. To mend it, install a C++17 compiler (GCC or Clang), ` +
      `make and Python 3, then run \`npm run build:addon\`; without network access set npm_config_nodedir to a folder ` +
      `that holds include/node. The reason was:\n  ${problem}`,
  );
  return strict ? 1 : 0;
}

process.exitCode = main();
