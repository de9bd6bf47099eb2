import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { configValues, originText } from '../config/index.js';
import type { Workflow } from '../engine/builder.js';
import { drawnGraph } from '../engine/template-graph.js';
import { belowOutput } from './graph/below-output.js';
import type { Study } from './study.js';

/** Packages whose version a reader of the report wants to know. */
const PACKAGES = ['@tensorflow/tfjs-core', 'better-sqlite3', 'h5wasm', 'vega-lite'] as const;

/** What the log of a run keeps for its report: parameters with origin, the graph, the machine. */
export function runDocuments(study: Study, workflow: Workflow): Record<string, unknown> {
  const { entry, loaded, outputDir } = study;
  const values = configValues(loaded.config, loaded.place);
  // Blocks of other workflows matter only where somebody set them.
  const parameters = values
    .map(({ path, value, origin }) => ({
      key: path.join('.'),
      value,
      isDefault: origin.kind === 'default',
      origin: originText(origin),
      isOwn: path.length === 1 || path[0] === entry.namespace,
    }))
    .filter(({ isOwn, isDefault }) => isOwn || !isDefault)
    .map(({ key, value, isDefault, origin }) => ({ key, value, isDefault, origin }));
  return {
    'parameters.json': parameters,
    'graph.json': belowOutput(drawnGraph(workflow.template()), outputDir),
    'environment.json': {
      node: process.versions.node,
      platform: `${type()} ${release()} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memory_gb: totalmem() / 2 ** 30,
      packages: Object.fromEntries(PACKAGES.flatMap((name) => packageVersion(name))),
    },
  };
}

/** Empty where the package is not installed, or hides its package.json. */
function packageVersion(name: string): [string, string][] {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    path = require.resolve(`${name}/package.json`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return [];
    throw error;
  }
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return [[name, version]];
}
