import { join } from 'node:path';

import { Skip, type NodeContext } from '../../src/engine/node.js';

/** What the engine offers to a node, for its body alone: outputs go to a folder, warnings are kept. */
export function nodeContext(folder: string): { ctx: NodeContext; warnings: string[] } {
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const ctx: NodeContext = {
    outputFile: (name) => join(folder, name),
    checkpointDir: null,
    progress: nothing,
    metric: nothing,
    log: { debug: nothing, info: nothing, warn: (message) => warnings.push(message), error: nothing },
    signal: new AbortController().signal,
    cpus: 1,
    seed: 1,
    skip: (reason) => new Skip(reason),
  };
  return { ctx, warnings };
}
