import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { callerModule } from '../caller.js';
import { programFailed, runCaptured } from '../containers/run-captured.js';
import {
  defineNode,
  type InputsOf,
  type NodeContext,
  type NodeDeclaration,
  type NodeDefinition,
} from '../node.js';
import type { FilePort, Ports } from '../port.js';
import {
  commandInputs,
  filesOf,
  outputPorts,
  showLine,
  type CommandInputs,
  type CommandPaths,
  type LineHook,
  type OutputFiles,
} from './command-ports.js';

/** What `commandNode` takes: the program, the ports, and the arguments made of them. */
export interface CommandNodeDeclaration<I extends Ports, O extends OutputFiles> extends Pick<
  NodeDeclaration<I, Ports>,
  'name' | 'version' | 'inputs' | 'resources' | 'timeoutMs' | 'retry' | 'env' | 'module'
> {
  /** The program, looked for on PATH. */
  readonly program: string;
  /** Arguments by which the program tells its version; the first line that it prints is part of the key. */
  readonly versionArguments: readonly string[];
  /** Codes with which it may end then. Default: 0. */
  readonly versionExitCodes?: readonly number[];
  /** Files that the program leaves: port and file name. */
  readonly outputs: O;
  /** Arguments of the program; files are absolute paths. Each element is one argument: no shell sees it. */
  readonly arguments: (inputs: CommandInputs<I>, outputs: CommandPaths<O>) => readonly string[];
  /** Sees each line that the program writes, for progress and metrics; without it lines go to the log of the node. */
  readonly onLine?: LineHook;
  /** Exit codes that mean success. Default: 0. */
  readonly successCodes?: readonly number[];
}

/**
 * A node that runs an external program: a typed wrapper of its arguments and of the files it leaves. Which version of the program
 * ran is part of the key.
 *
 * @throws ConfigError NODE_DEFINITION as `defineNode`
 */
export function commandNode<const I extends Ports, const O extends OutputFiles>(
  declaration: CommandNodeDeclaration<I, O>,
): NodeDefinition<I, { [K in keyof O]: FilePort<O[K]['format']> }> {
  const {
    program,
    versionArguments,
    versionExitCodes = [0],
    arguments: argumentsOf,
    onLine,
    successCodes = [0],
    outputs,
    ...rest
  } = declaration;
  return defineNode({
    ...rest,
    module: declaration.module ?? callerModule(commandNode),
    outputs: outputPorts(outputs),
    tools: [{ name: program, command: [program, ...versionArguments], exitCodes: versionExitCodes }],
    async run(inputs: InputsOf<I>, ctx: NodeContext) {
      const files = filesOf(outputs, ctx);
      for (const file of Object.values(files)) mkdirSync(path.dirname(file), { recursive: true });
      const argv = [program, ...argumentsOf(commandInputs(declaration.inputs, inputs), files)];
      ctx.log.debug(argv.map((word) => JSON.stringify(word)).join(' '));
      const ended = await runCaptured(argv, {
        signal: ctx.signal,
        onLine: (line, stream) => (onLine ?? showLine)(line, stream, ctx),
      });
      if (ended.exitCode === null || !successCodes.includes(ended.exitCode))
        throw programFailed(program, argv, ended);
      return files;
    },
  } as unknown as NodeDeclaration<I, { [K in keyof O]: FilePort<O[K]['format']> }>);
}
