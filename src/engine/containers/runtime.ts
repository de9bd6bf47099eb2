/** The words of container programs: argument vectors, never a shell. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

import { ProcessingError } from '../../errors.js';

/** Programs that run containers, in the order in which they are looked for. */
export const RUNTIMES = ['apptainer', 'singularity', 'podman', 'docker'] as const;
/** A program that runs containers. */
export type RuntimeName = (typeof RUNTIMES)[number];

/** A place of this machine inside the container. */
export interface Bind {
  /** Absolute. */
  readonly source: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** What is run. */
export interface ContainerCall {
  readonly binds: readonly Bind[];
  /** File of the image, or its id or reference for Docker and Podman. */
  readonly image: string;
  readonly command: readonly string[];
  readonly gpu: boolean;
  readonly network: boolean;
  /** Working directory in the container. */
  readonly workDir?: string;
  /** Name by which Docker and Podman end it. */
  readonly name?: string;
}

/** Path of a program on PATH, or null. */
export function findProgram(name: string, searchPath = process.env['PATH'] ?? ''): string | null {
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory === '') continue;
    const file = path.join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ENOTDIR') throw error;
    }
  }
  return null;
}

/** Whether a runtime runs image files itself; the others keep images of their own. */
export function runsFiles(runtime: RuntimeName): boolean {
  return runtime === 'apptainer' || runtime === 'singularity';
}

/**
 * Arguments that run a command in a container, the program first.
 *
 * @throws ProcessingError INVALID_ARGUMENT for a path that the runtime would read as something else
 */
export function runArguments(runtime: RuntimeName, program: string, call: ContainerCall): string[] {
  return runsFiles(runtime) ? fileRuntime(program, call) : imageRuntime(runtime, program, call);
}

function fileRuntime(
  program: string,
  { binds, image, command, gpu, network, workDir }: ContainerCall,
): string[] {
  return [
    program,
    'exec',
    ...(gpu ? ['--nv'] : []),
    ...(network ? [] : ['--net', '--network', 'none']),
    ...(workDir === undefined ? [] : ['--pwd', workDir]),
    ...binds.flatMap((bind) => ['--bind', fileBind(bind)]),
    image,
    ...command,
  ];
}

function fileBind({ source, target, readOnly }: Bind): string {
  // A colon ends a path of --bind and a comma the whole of it.
  for (const place of [source, target])
    refuseIn(place, /[:,\\\n\0]/, 'colon, comma, backslash or line break');
  return `${source}:${target}:${readOnly ? 'ro' : 'rw'}`;
}

function imageRuntime(runtime: RuntimeName, program: string, call: ContainerCall): string[] {
  const { binds, image, command, gpu, network, workDir, name } = call;
  const [entry, ...rest] = command;
  return [
    program,
    'run',
    '--rm',
    ...gpuWords(runtime, gpu),
    ...(network ? [] : ['--network', 'none']),
    ...(runtime === 'docker' && process.getuid !== undefined
      ? ['--user', `${process.getuid()}:${process.getgid!()}`]
      : []),
    ...(workDir === undefined ? [] : ['--workdir', workDir]),
    ...(name === undefined ? [] : ['--name', name]),
    ...binds.flatMap((bind) => ['--mount', mountOption(bind)]),
    '--entrypoint',
    entry!,
    image,
    ...rest,
  ];
}

function gpuWords(runtime: RuntimeName, gpu: boolean): string[] {
  if (!gpu) return [];
  return runtime === 'podman' ? ['--device', 'nvidia.com/gpu=all'] : ['--gpus', 'all'];
}

function mountOption({ source, target, readOnly }: Bind): string {
  // The option is a line of comma-separated values, and old versions of Podman know no quotes in it.
  for (const place of [source, target]) refuseIn(place, /[,"\n\0]/, 'comma, double quote or line break');
  return `type=bind,source=${source},target=${target}${readOnly ? ',readonly' : ''}`;
}

function refuseIn(place: string, wrong: RegExp, what: string): void {
  if (!wrong.test(place)) return;
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(place)} holds a ${what}, which a container cannot be given`,
    { where: place, cure: 'move or rename it, or link to it from a plain name' },
  );
}
