/**
 * Makes dist from build/modules, which the compiler wrote. The modules that most commands load are put together into the
 * parts of dist/start, because Node spends about a millisecond on each module it finds, reads and links; under the path of
 * such a module stands one that exports what is in its part. All others are taken over as they are.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { init, parse } from 'es-module-lexer';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = path.join(root, 'build', 'modules');
const dist = path.join(root, 'dist');

/** Entries of processes and threads: they stand alone, and nothing in a part may import them. */
const ALONE = [
  ...['engine/worker-main.js', 'engine/worker-monitor.js', 'engine/log-cap.js'],
  'nodes/spectrum/routine-worker.js',
];
/** Packages whose code goes into the parts; all others are loaded from where they are installed. */
const PACKAGES = [
  ...['@dagrejs/graphlib', 'commander', 'eventemitter3', 'fflate', 'nifti-reader-js'],
  ...['p-queue', 'p-timeout', 'zod'],
];
/** Packages that modules outside the parts take from there too, so that there is one copy. */
const SHARED = { zod: 'start/zod.js' };

/** In place of zod's messages in fifty languages, which nothing here shows. */
const ENGLISH = 'module:zod/english';

await init;

const COMMAND = ['cli/main.js'];
const WORKER = ['engine/worker-tasks.js'];
const STUDY = [
  ...['index.js', 'cli/commands/run.js', ...WORKER],
  ...['engine/executors/slurm-settings.js', 'engine/containers/settings.js'],
];
const IO = ['io/index.js'];
/** Settings of all workflows: a run reads every section of its configuration. */
const SETTINGS = modulesIn('workflows').filter((file) => file.endsWith('/config.js'));
/** What the nodes of each kind of workflow import. A module that defines a node stays where it is: nodes travel by module. */
const FAMILIES = new Map(
  readdirSync(path.join(modules, 'nodes')).map((name) => [name, besidesNodes(modulesIn(`nodes/${name}`))]),
);
/** What `neuroloom/numerics` hands out. */
const NUMERICS = besidesNodes(staticImports('numerics.js'));

/**
 * A part holds what its roots import statically, less what stands in a part before it. `base`, `files`, `zod`, `worker`,
 * `names`, `schemas`, `library` and `common` hold what others share: a worker does not load what wires a graph, nor the nodes
 * of another kind of workflow; the library loads neither. `command` is what every verb needs; `study` what wires a graph;
 * `run` what decides what a run does; `io` the files that all nodes read and write; `native` the wrappers of the addon;
 * `numerics` what the library offers beside them.
 */
const PARTS = [
  { name: 'base', roots: shared(COMMAND, [...WORKER, 'version.js']) },
  { name: 'command', roots: COMMAND },
  { name: 'files', roots: shared([...STUDY, ...WORKER], IO) },
  { name: 'zod', roots: Object.values(SHARED) },
  { name: 'worker', roots: WORKER },
  { name: 'names', roots: shared(STUDY, [...NUMERICS, ...[...FAMILIES.values()].flat()]) },
  { name: 'study', roots: STUDY },
  { name: 'run', roots: ['engine/run.js', 'engine/sqlite-cache.js'] },
  { name: 'io', roots: IO },
  { name: 'native', roots: ['native/index.js'] },
  { name: 'schemas', roots: shared(SETTINGS, [...FAMILIES.values()].flat()) },
  { name: 'library', roots: shared(SETTINGS, NUMERICS) },
  { name: 'settings', roots: SETTINGS },
  { name: 'common', roots: sharedByTwo([...FAMILIES.values()]) },
  ...[...FAMILIES].map(([name, roots]) => ({ name, roots })),
  { name: 'numerics', roots: NUMERICS },
];

const placed = placeModules();
const built = new Map();
for (const { name } of PARTS) built.set(name, await bundle(name));
const files = new Map(Object.entries(await parts()));
for (const file of below(modules)) {
  if (file.endsWith('.tsbuildinfo')) continue;
  const text = readFileSync(path.join(modules, file), 'utf8');
  if (!placed.has(file)) files.set(file, file.endsWith('.js') ? withShared(file, text) : text);
}
for (const [file, text] of files) write(file, text);
// What the parts export is asked of themselves.
const { part } = await import(pathToFileURL(path.join(dist, 'start/parts.js')).href);
for (const module of placed.keys()) files.set(module, facade(module, Object.keys(part(module))));
for (const [module] of placed) write(module, files.get(module));
for (const file of below(dist)) {
  const isKept =
    files.has(file) || [...files.keys()].some((one) => one.endsWith('.cjs') && file.startsWith(`${one}.`));
  if (!isKept) rmSync(path.join(dist, file));
}

/** The modules, and in place of those that define a node what these import. */
function besidesNodes(list) {
  return list.flatMap((file) => (definesNode(file) ? staticImports(file) : file));
}

function definesNode(module) {
  return module.startsWith('nodes/') && /\bdefineNode\(/.test(sourceOf(module));
}

/** What the modules of both lists import statically, themselves included. */
function shared(some, others) {
  const reached = [some, others].map((roots) => {
    const found = new Set(roots);
    for (const module of found)
      if (!ALONE.includes(module)) for (const next of staticImports(module)) found.add(next);
    return found;
  });
  return [...reached[0]].filter((module) => reached[1].has(module));
}

/** What at least two of the lists import statically. */
function sharedByTwo(lists) {
  return lists.flatMap((some, i) => lists.slice(i + 1).flatMap((others) => shared(some, others)));
}

/** Module to its part. */
function placeModules() {
  const found = new Map();
  for (const { name, roots } of PARTS) {
    const queue = roots.map((module) => ({ module, importer: ALONE[0] }));
    for (let i = 0; i < queue.length; i += 1) {
      const { module, importer } = queue[i];
      if (found.has(module)) continue;
      if (!ALONE.includes(module) && !definesNode(module)) found.set(module, name);
      else if (found.has(importer)) throw new Error(`${importer} is in a part and imports ${module}`);
      queue.push(...staticImports(module).map((imported) => ({ module: imported, importer: module })));
    }
  }
  return found;
}

function sourceOf(module) {
  const shared = Object.entries(SHARED).find(([, file]) => file === module);
  if (shared !== undefined) return `export * from '${shared[0]}';\nexport { default } from '${shared[0]}';\n`;
  return readFileSync(path.join(modules, module), 'utf8');
}

function staticImports(module) {
  const [imports] = parse(sourceOf(module), module);
  return imports
    .filter((item) => isStatic(item) && item.specifier.startsWith('.'))
    .map((item) => path.posix.join(path.posix.dirname(module), item.specifier));
}

function isStatic(item) {
  return item.type !== 'dynamic' && item.type !== 'import-meta';
}

/** One script of all modules of a part: a function that is told where to put their exports. */
async function bundle(name) {
  const own = [...placed].filter(([, at]) => at === name).map(([module]) => module);
  const entry = own
    .map((module, i) => `import * as m${i} from 'module:${module}';\nexport { m${i} as '${module}' };\n`)
    .join('');
  const build = await rolldown({
    input: 'parts-entry',
    platform: 'node',
    logLevel: 'warn',
    external: (id) => id.startsWith('part:') || (isPackage(id) && !PACKAGES.includes(packageOf(id))),
    plugins: [
      {
        name: 'parts',
        resolveId(id, importer) {
          if (id === 'parts-entry' || id.startsWith('module:')) return id;
          if (id === '../locales/index.js' && /\/node_modules\/zod\//.test(importer ?? '')) return ENGLISH;
          if (importer === undefined || !importer.startsWith('module:')) return null;
          const from = importer.slice('module:'.length);
          const isShared = SHARED[id] !== undefined && SHARED[id] !== from;
          if (!id.startsWith('.') && !isShared)
            return this.resolve(id, path.join(root, 'package.json'), { skipSelf: true });
          const module = isShared ? SHARED[id] : path.posix.join(path.posix.dirname(from), id);
          return placed.get(module) === name ? `module:${module}` : { id: `part:${module}`, external: true };
        },
        load(id) {
          if (id === 'parts-entry') return entry;
          if (id === ENGLISH) return "export { default as en } from 'zod/v4/locales/en.js';";
          return id.startsWith('module:') ? inPart(id.slice('module:'.length)) : null;
        },
      },
    ],
  });
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false, exports: 'named' });
  await build.close();
  const [chunk] = output;
  const packages = chunk.moduleIds
    .map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1])
    .filter((found) => found !== undefined);
  // Other letters would have V8 keep two bytes of each character.
  const plain = chunk.code.replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const code = `(function (exports, require, __import, __base) {${plain}\n})`;
  const digest = createHash('sha256').update(code).digest('hex').slice(0, 16);
  return { file: `start/${name}.${digest}.cjs`, code, modules: own, packages: [...new Set(packages)].sort() };
}

function isPackage(id) {
  return !id.startsWith('.') && !path.isAbsolute(id) && !/^(module|part|parts-entry)\b/.test(id);
}

function packageOf(id) {
  return id
    .split('/')
    .slice(0, id.startsWith('@') ? 2 : 1)
    .join('/');
}

/** A module as it stands in a part: it keeps its URL, and imports at run time through the part's loader. */
function inPart(module) {
  const source = sourceOf(module);
  const [imports] = parse(source, module);
  let text = '';
  let at = 0;
  for (const item of [...imports].sort((a, b) => a.importStart - b.importStart)) {
    if (isStatic(item)) continue;
    text += source.slice(at, item.importStart);
    if (item.type === 'import-meta') {
      if (!source.startsWith('import.meta.url', item.importStart))
        throw new Error(`${module}: only import.meta.url`);
      text += `new URL('../${module}', __base).href`;
      at = item.importStart + 'import.meta.url'.length;
    } else {
      text += `__import(${runtimeSpecifier(module, item, source)}`;
      at = item.end;
    }
  }
  return text + source.slice(at);
}

function runtimeSpecifier(module, item, source) {
  const { specifier } = item;
  if (specifier === undefined || !specifier.startsWith('.')) return source.slice(item.start, item.end);
  const target = path.posix.join(path.posix.dirname(module), specifier);
  return JSON.stringify(placed.has(target) ? `part:${target}` : `../${target}`);
}

/** The loader of the parts, the parts, and what they are made of. */
async function parts() {
  const made = [...built.values()];
  const twice = made.flatMap((one) => one.packages).filter((name, i, all) => all.indexOf(name) !== i);
  if (twice.length > 0) throw new Error(`in two parts: ${twice.join(', ')}`);
  const fileOf = Object.fromEntries(
    [...built].map(([name, { file }]) => [name, `./${path.posix.basename(file)}`]),
  );
  const loader = readFileSync(path.join(root, 'scripts/start-parts.mjs'), 'utf8')
    .replace('const FILES = {};', () => `const FILES = ${JSON.stringify(fileOf)};`)
    .replace('const PARTS = {};', () => `const PARTS = ${JSON.stringify(Object.fromEntries(placed))};`);
  const contents = Object.fromEntries(
    [...built].map(([name, { modules, packages }]) => [name, { modules, packages }]),
  );
  return {
    'start/parts.js': loader,
    'start/contents.json': `${JSON.stringify(contents, null, 1)}\n`,
    'start/LICENSES.txt': made.flatMap((one) => one.packages.map(licenseOf)).join('\n'),
    ...Object.fromEntries(made.map(({ file, code }) => [file, code])),
  };
}

function licenseOf(name) {
  const directory = createRequire(import.meta.url)
    .resolve.paths(name)
    .map((folder) => path.join(folder, name))
    .find((folder) => existsSync(folder));
  const file = readdirSync(directory).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} has no file with its license`);
  return `${name}\n\n${readFileSync(path.join(directory, file), 'utf8').trim()}\n`;
}

function facade(module, names) {
  const up = path.posix.relative(path.posix.dirname(module), 'start/parts.js');
  const from = up.startsWith('.') ? up : `./${up}`;
  // A name may be a word of the language, such as zod's `catch`.
  const values = names.map((name, i) => `const $${i} = module[${JSON.stringify(name)}];`);
  const exports = names.map((name, i) => `export { $${i} as ${name} };`);
  return [
    `import { part } from '${from}';`,
    `const module = part('${module}');`,
    ...values,
    ...exports,
    '',
  ].join('\n');
}

/** A module outside the parts, which takes shared packages from there. */
function withShared(module, source) {
  const [imports] = parse(source, module);
  let text = '';
  let at = 0;
  for (const item of imports) {
    if (item.type === 'import-meta' || SHARED[item.specifier] === undefined) continue;
    const to = path.posix.relative(path.posix.dirname(module), SHARED[item.specifier]);
    const [start, end] = item.type === 'dynamic' ? [item.start + 1, item.end - 1] : [item.start, item.end];
    text += source.slice(at, start) + (to.startsWith('.') ? to : `./${to}`);
    at = end;
  }
  return text + source.slice(at);
}

function modulesIn(directory) {
  return below(path.join(modules, directory))
    .filter((file) => file.endsWith('.js'))
    .map((file) => `${directory}/${file}`);
}

function below(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      path.relative(directory, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'),
    );
}

function write(file, text) {
  const target = path.join(dist, file);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, text);
  renameSync(`${target}.new`, target);
}
