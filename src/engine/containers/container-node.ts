import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { callerModule } from '../caller.js';
import {
  defineNode,
  type InputsOf,
  type NodeContext,
  type NodeDeclaration,
  type NodeDefinition,
} from '../node.js';
import type { FilePort, Ports } from '../port.js';
import { ConfigError } from '../../errors.js';
import { pinnedDigest } from './pin.js';
import { ContainerManager, type ContainerManagerOptions } from './container-manager.js';
import { containerDirectory, type ContainerSpec } from './spec.js';
import type { Bind } from './runtime.js';
import {
  commandInputs,
  filesOf,
  outputPorts,
  showLine,
  type CommandInputs,
  type CommandPaths,
  type LineHook,
  type OutputFiles,
} from '../tools/command-ports.js';

/** What `containerNode` takes: the image, the ports, and the command inside. */
export interface ContainerNodeDeclaration<I extends Ports, O extends OutputFiles> extends Pick<
  NodeDeclaration<I, Ports>,
  'name' | 'version' | 'inputs' | 'resources' | 'timeoutMs' | 'retry' | 'env' | 'module'
> {
  /** Image of the tool. Its digest is part of the key: it must be given, or have been recorded by `pipeline containers pull`. */
  readonly image: ContainerSpec;
  /** Files that the tool leaves: port and file name. */
  readonly outputs: O;
  /** Words of the command; inputs that are files, and all outputs, are given as they are seen in the container. */
  readonly command: (inputs: CommandInputs<I>, outputs: CommandPaths<O>) => readonly string[];
  /** Sees each line that the tool writes; without it lines go to the log of the node. */
  readonly onLine?: LineHook;
  /** Places of images and runtimes, for tests and sites. */
  readonly manager?: Pick<ContainerManagerOptions, 'cacheDir' | 'runtime'>;
}

/**
 * A node that runs a tool in a container. Each input file is seen read-only below /input, outputs are written below /output;
 * there is no network, and a GPU where `resources.gpus` asks for one.
 *
 * @throws ConfigError CONFIG_VALUE for an image whose digest is not known; NODE_DEFINITION as `defineNode`
 */
export function containerNode<const I extends Ports, const O extends OutputFiles>(
  declaration: ContainerNodeDeclaration<I, O>,
): NodeDefinition<I, { [K in keyof O]: FilePort<O[K]['format']> }> {
  const { image, command, onLine, manager = {}, outputs, ...rest } = declaration;
  const sha256 = image.sha256 ?? pinnedDigest(manager.cacheDir ?? containerDirectory(), image.sifFilename);
  if (sha256 === null) {
    throw new ConfigError(
      'CONFIG_VALUE',
      `node ${declaration.name}: the digest of ${image.name} is not known yet`,
      {
        where: `container ${image.name}`,
        cure: 'give sha256, or record it with `pipeline containers pull` first',
      },
    );
  }
  return defineNode({
    ...rest,
    module: declaration.module ?? callerModule(containerNode),
    outputs: outputPorts(outputs),
    containers: [{ name: image.name, sha256 }],
    async run(inputs: InputsOf<I>, ctx: NodeContext) {
      const binds: Bind[] = [];
      const seen = commandInputs(declaration.inputs, inputs, (file, port, at) => {
        const target = `/input/${port}${at === null ? '' : `/${at}`}/${file.relPath.split('/').at(-1)}`;
        binds.push({ source: file.path, target, readOnly: true });
        return target;
      });
      const files = filesOf(outputs, ctx);
      const root = path.dirname(ctx.outputFile('output'));
      for (const file of Object.values(files)) mkdirSync(path.dirname(file), { recursive: true });
      binds.push({ source: root, target: '/output', readOnly: false });
      const inside = Object.fromEntries(
        Object.entries(outputs).map(([name, { file }]) => [name, `/output/${file}`]),
      ) as CommandPaths<O>;
      const images = new ContainerManager({
        ...manager,
        images: { [declaration.name]: { ...image, sha256 } },
      });
      const result = await images.call(declaration.name, {
        binds,
        command: command(seen, inside),
        workDir: '/output',
        gpu: (rest.resources?.gpus ?? 0) > 0,
        signal: ctx.signal,
        onLine: (line, stream) => (onLine ?? showLine)(line, stream, ctx),
      });
      ctx.log.debug(`${result.argv.join(' ')} (image ${result.digest})`);
      return files;
    },
  } as unknown as NodeDeclaration<I, { [K in keyof O]: FilePort<O[K]['format']> }>);
}
