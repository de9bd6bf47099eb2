import { randomBytes } from 'node:crypto';
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ConfigError, DependencyError, ProcessingError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import {
  copyToPart,
  download,
  pinPath,
  recordedPin,
  recordPin,
  removeImage,
  settlePart,
  sha256OfFile,
  statIfThere,
  statIfThereSync,
  type FetchOptions,
} from './image-file.js';
import { endContainer, killContainer, noteContainer } from './left-containers.js';
import { programFailed, runCaptured, type Captured, type CapturedOptions } from './run-captured.js';
import {
  findProgram,
  RUNTIMES,
  runArguments,
  runsFiles,
  type Bind,
  type ContainerCall,
  type RuntimeName,
} from './runtime.js';
import {
  checkContainerSpec,
  containerDirectory,
  DEFAULT_CONTAINERS,
  fillWords,
  imageSource,
  wordsOf,
  type ContainerSpec,
} from './spec.js';

/** A container that is to end is killed this often until its starter has ended. */
const KILL_AGAIN_MS = 200;

/** Options of a `ContainerManager`: images, where they are kept, which program runs them. */
export interface ContainerManagerOptions {
  /** Images by key, beside those that are known (hdbet, synthseg, fastsurfer); an equal key replaces its fields. */
  readonly images?: Readonly<Record<string, Partial<ContainerSpec>>>;
  /** Where images are kept; see `containerDirectory`. */
  readonly cacheDir?: string;
  /** Default: the first that is on PATH. */
  readonly runtime?: RuntimeName;
  readonly searchPath?: string;
}

/** What a container sees and receives: input, output, further places, arguments. */
export interface ContainerRunOptions extends CapturedOptions {
  /** Existing file or directory; its directory is seen read-only as /input. */
  readonly inputPath: string;
  /** File or directory to be made; its directory is made, and is seen as /output. */
  readonly outputPath: string;
  /** `source:target`, `source:target:ro` or `source:target:rw`; read-only where nothing is said. */
  readonly extraBinds?: readonly string[];
  readonly extraArgs?: readonly string[];
  /** true, false, or null: used where the image wants one and nvidia-smi finds one. */
  readonly gpu?: boolean | null;
  readonly network?: boolean;
  /** Return the arguments; run nothing. */
  readonly dryRun?: boolean;
}

/** How a program in a container ended, and what it printed. */
export interface ContainerResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly argv: readonly string[];
  /** SHA-256 of the image. */
  readonly digest: string;
}

/** What is known of an image without fetching it. */
export interface ContainerStatus {
  readonly name: string;
  readonly cached: boolean;
  readonly path: string | null;
  readonly sizeMb: number | null;
  readonly gpu: boolean;
  /** The digest that is demanded, from the specification or from first use; null: not used yet. */
  readonly digest: string | null;
  readonly source: string | null;
}

/** Images by digest, and the programs that run them. */
export class ContainerManager {
  readonly cacheDir: string;
  readonly images: Readonly<Record<string, ContainerSpec>>;
  readonly #runtime: RuntimeName | null;
  readonly #program: string | null;

  /** @throws ConfigError CONFIG_VALUE for an image without a digest, or that cannot be used otherwise */
  constructor({ images = {}, cacheDir, runtime, searchPath }: ContainerManagerOptions = {}) {
    this.cacheDir = cacheDir === undefined ? containerDirectory() : path.resolve(cacheDir);
    this.images = mergedImages(images);
    for (const [key, spec] of Object.entries(this.images)) checkContainerSpec(key, spec);
    const names = runtime === undefined ? RUNTIMES : [runtime];
    const found = names
      .map((name) => [name, findProgram(name, searchPath)] as const)
      .find(([, file]) => file !== null);
    [this.#runtime, this.#program] = found ?? [null, null];
  }

  /** Name of the program that runs containers, or `none`. */
  get runtimeName(): RuntimeName | 'none' {
    return this.#runtime ?? 'none';
  }

  get runtimeAvailable(): boolean {
    return this.#runtime !== null;
  }

  /** @throws ConfigError CONFIG_VALUE for a key that is not known */
  spec(key: string): ContainerSpec {
    const spec = Object.hasOwn(this.images, key) ? this.images[key] : undefined;
    if (spec !== undefined) return spec;
    const known = Object.keys(this.images);
    const meant = nearest(key, known);
    const hint = meant === null ? '' : `; did you mean ${meant}?`;
    throw new ConfigError('CONFIG_VALUE', `there is no container '${key}'${hint}`, {
      where: `container ${key}`,
      cure: `use one of ${known.join(', ')}, or describe it under containers.images`,
    });
  }

  /**
   * Whether an image is in the cache directory, complete; it is verified when it is used.
   *
   * @throws StorageError when that cannot be told
   */
  isCached(key: string): boolean {
    return statIfThereSync(this.#place(this.spec(key))) !== null;
  }

  /** The digest that is demanded of an image; null when it is recorded at its first use and was not used yet. */
  async digest(key: string): Promise<string | null> {
    const spec = this.spec(key);
    return spec.sha256 ?? (await recordedPin(this.#place(spec)));
  }

  /**
   * Makes an image ready: fetched where it is not there, verified in any case.
   *
   * @returns path of the image file, or of the record of an image that Docker or Podman keeps
   * @throws ProcessingError FILE_CORRUPT for another digest than the one that is demanded, which leaves nothing under the name;
   *   IO when a download fails; ConfigError when no source is known
   */
  async ensure(key: string, options: FetchOptions = {}): Promise<string> {
    return (await this.#ready(key, options)).file;
  }

  /**
   * Runs the tool of an image on a file.
   *
   * @throws DependencyError TOOL_MISSING without a runtime; ProcessingError NODE_FAILED when the tool fails, TIMEOUT
   */
  async run(key: string, options: ContainerRunOptions): Promise<ContainerResult> {
    const spec = this.spec(key);
    const input = await inputBinds(options.inputPath);
    const outputPath = path.resolve(options.outputPath);
    const outputDir = path.dirname(outputPath);
    if (options.dryRun !== true) await mkdir(outputDir, { recursive: true });
    const gpu = await this.#usesGpu(spec, options.gpu ?? null);
    const command = fillWords(wordsOf(spec.entrypoint), {
      input: input.inside,
      output: `/output/${path.basename(outputPath)}`,
      name: nameOf(options.inputPath),
    });
    return this.call(key, {
      ...options,
      gpu,
      binds: [
        input.bind,
        { source: outputDir, target: '/output', readOnly: false },
        ...(options.extraBinds ?? []).map(parseBind),
      ],
      command: [...command, ...(gpu ? [] : (spec.cpuArguments ?? [])), ...(options.extraArgs ?? [])],
    });
  }

  /** Runs any command in an image, with binds of one's own. @throws as `run` */
  async call(
    key: string,
    options: Pick<ContainerCall, 'binds' | 'command' | 'workDir'> &
      CapturedOptions & { readonly gpu?: boolean; readonly network?: boolean; readonly dryRun?: boolean },
  ): Promise<ContainerResult> {
    const [runtime, program] = this.#demandRuntime();
    const { binds, command, workDir, gpu = false, network = false } = options;
    const argumentsFor = (image: string, name?: string): string[] =>
      runArguments(runtime, program, {
        binds,
        image,
        command,
        gpu,
        network,
        ...(workDir === undefined ? {} : { workDir }),
        ...(name === undefined ? {} : { name }),
      });
    const spec = this.spec(key);
    if (options.dryRun === true) {
      const image = runsFiles(runtime) ? this.#place(spec) : spec.sifFilename;
      return {
        exitCode: 0,
        stdout: '',
        stderr: '',
        argv: argumentsFor(image),
        digest: (await this.digest(key)) ?? '',
      };
    }
    // Paths are refused before an image of gigabytes is fetched.
    argumentsFor('image');
    const { image, digest } = await this.#ready(key, signalOf(options));
    const name = runsFiles(runtime)
      ? undefined
      : `neuroloom-${process.pid}-${randomBytes(6).toString('hex')}`;
    const argv = argumentsFor(image, name);
    const ended = await this.#runToTheEnd(argv, name, options);
    if (ended.isTimedOut) {
      throw new ProcessingError('TIMEOUT', `${spec.name} was ended after ${options.timeoutMs} ms`, {
        where: `container ${key}`,
        cure: 'give it more time',
      });
    }
    if (ended.exitCode !== 0) throw programFailed(spec.name, argv, ended);
    return { exitCode: 0, stdout: ended.stdout, stderr: ended.stderr, argv, digest };
  }

  /**
   * Docker and Podman run a container that outlives the program which started it, and its first process hears no SIGTERM unless it
   * listens: one that was stopped or took too long is ended by its name, at that moment. Who ends this process in spite of
   * that finds the name noted.
   */
  async #runToTheEnd(
    argv: readonly string[],
    name: string | undefined,
    options: CapturedOptions,
  ): Promise<Captured> {
    if (name === undefined) return runCaptured(argv, options);
    const container = { program: argv[0]!, name };
    const takeBack = noteContainer(container);
    let isOver = false;
    let killing: Promise<void> | null = null;
    const killUntilOver = async (): Promise<void> => {
      // It may not be there yet: its starter is at work.
      for (; !isOver; await sleep(KILL_AGAIN_MS)) await killContainer(container);
    };
    let ended: Captured | null = null;
    try {
      ended = await runCaptured(argv, { ...options, onStop: () => (killing = killUntilOver()) });
      return ended;
    } finally {
      isOver = true;
      await killing;
      const problem = ended === null || ended.isTimedOut ? await endContainer(container) : null;
      if (problem !== null) options.onLine?.(problem, 'stderr');
      takeBack();
    }
  }

  /** What is known of every image. */
  async status(): Promise<Record<string, ContainerStatus>> {
    const found: Record<string, ContainerStatus> = {};
    for (const [key, spec] of Object.entries(this.images)) {
      const file = this.#place(spec);
      const facts = await statIfThere(file);
      found[key] = {
        name: spec.name,
        cached: facts !== null,
        path: facts === null ? null : file,
        sizeMb: facts === null ? spec.sizeMb : Math.ceil(facts.size / 1e6),
        gpu: spec.gpuRequired ?? true,
        digest: await this.digest(key),
        source: spec.sourceUrl,
      };
    }
    return found;
  }

  /**
   * Removes an image, or all, with what interrupted downloads left. A digest that was recorded at first use stays in force.
   *
   * @returns keys of what was there
   */
  async clean(key?: string): Promise<string[]> {
    const removed: string[] = [];
    for (const one of key === undefined ? Object.keys(this.images) : [key]) {
      if (await removeImage(this.#place(this.spec(one)))) removed.push(one);
    }
    return removed;
  }

  #demandRuntime(): readonly [RuntimeName, string] {
    if (this.#runtime !== null && this.#program !== null) return [this.#runtime, this.#program];
    throw new DependencyError('TOOL_MISSING', 'no program that runs containers was found', {
      cure: `install one of ${RUNTIMES.join(', ')}, and put it on the PATH`,
    });
  }

  #place(spec: ContainerSpec): string {
    return path.join(this.cacheDir, spec.sifFilename);
  }

  async #usesGpu(spec: ContainerSpec, gpu: boolean | null): Promise<boolean> {
    if (gpu !== null) return gpu;
    if (spec.gpuRequired === false || findProgram('nvidia-smi') === null) return false;
    return (await runCaptured(['nvidia-smi'], { timeoutMs: 20_000 })).exitCode === 0;
  }

  async #ready(key: string, options: FetchOptions): Promise<ReadyImage> {
    const spec = this.spec(key);
    const isReference = spec.sourceUrl !== null && imageSource(key, spec).kind === 'reference';
    if (isReference && this.#runtime !== null && !runsFiles(this.#runtime))
      return this.#readyByReference(key, spec, options);
    const file = this.#place(spec);
    const digest = await this.#readyFile(key, spec, file, options);
    if (this.#runtime === null || runsFiles(this.#runtime)) return { file, image: file, digest };
    return { file, image: await this.#loaded(file, digest, options), digest };
  }

  /** The image file, with the digest that is demanded. */
  async #readyFile(key: string, spec: ContainerSpec, file: string, options: FetchOptions): Promise<string> {
    const wanted = spec.sha256 ?? (await recordedPin(file));
    if ((await statIfThere(file)) !== null) {
      const found = await sha256OfFile(file, options.signal);
      if (wanted === null) return recordPin(file, found);
      if (found === wanted) return wanted;
      // It was changed since it was fetched: it goes, and comes anew from its source.
      await rm(file);
    }
    const part = await this.#fetchPart(key, spec, file, options);
    const found = await sha256OfFile(part, options.signal);
    const demanded = wanted ?? (await recordPin(file, found));
    if (found !== demanded) {
      await rm(part, { force: true });
      throw new ProcessingError(
        'FILE_CORRUPT',
        `SHA-256 mismatch for ${spec.name}: ${found} arrived, ${demanded} is demanded`,
        {
          where: spec.sourceUrl ?? key,
          cure: `it was not run; ${
            spec.sha256 === null
              ? `remove ${pinPath(file)} if the image is meant to be new`
              : 'ask its maker for the digest, or change sha256 if the image is meant to be new'
          }`,
        },
      );
    }
    await settlePart(part, file);
    return demanded;
  }

  async #fetchPart(key: string, spec: ContainerSpec, file: string, options: FetchOptions): Promise<string> {
    const source = imageSource(key, spec);
    await mkdir(this.cacheDir, { recursive: true });
    switch (source.kind) {
      case 'file':
        return copyToPart(source.path, file);
      case 'url':
        return download(source.url, file, options);
      case 'reference': {
        const [, program] = this.#demandRuntime();
        const part = `${file}.part-${process.pid}-${Math.random().toString(16).slice(2, 10).padEnd(8, '0')}`;
        const argv = [program, 'pull', part, source.reference];
        const ended = await runCaptured(argv, signalOf(options)).catch(async (stopped: unknown) => {
          await rm(part, { force: true });
          throw stopped;
        });
        if (ended.exitCode === 0 && (await statIfThere(part)) !== null) return part;
        await rm(part, { force: true });
        throw pullFailed(source.reference, ended.stderr);
      }
    }
  }

  /** An image that Docker or Podman pulls, by the digest of its manifest. */
  async #readyByReference(key: string, spec: ContainerSpec, options: FetchOptions): Promise<ReadyImage> {
    const [runtime, program] = this.#demandRuntime();
    const file = this.#place(spec);
    const source = imageSource(key, spec);
    if (source.kind !== 'reference') throw new TypeError('not a reference');
    if (!source.reference.startsWith('docker://')) {
      throw new ConfigError(
        'CONFIG_VALUE',
        `container ${key}: ${runtime} cannot pull '${source.reference}'`,
        {
          where: `container ${key}`,
          cure: 'use apptainer or singularity for it, or a docker:// reference',
        },
      );
    }
    const name = source.reference.replace(/^[a-z]+:\/\//, '');
    const bare = name.replace(/@sha256:[0-9a-f]{64}$/, '').replace(/:[^:/]*$/, '');
    const wanted = spec.sha256 ?? (await recordedPin(file));
    const pulled = wanted === null ? name : `${bare}@sha256:${wanted}`;
    const isThere =
      wanted !== null && (await runCaptured([program, 'image', 'inspect', pulled])).exitCode === 0;
    if (!isThere) {
      const ended = await runCaptured([program, 'pull', pulled], signalOf(options));
      if (ended.exitCode !== 0) throw pullFailed(source.reference, ended.stderr);
    }
    const digest = wanted ?? (await this.#pinReference(program, name, bare, file));
    const image = `${bare}@sha256:${digest}`;
    await mkdir(this.cacheDir, { recursive: true });
    await writeFile(file, `${JSON.stringify({ reference: image })}\n`);
    return { file, image, digest };
  }

  async #pinReference(program: string, name: string, bare: string, file: string): Promise<string> {
    const argv = [program, 'image', 'inspect', '--format', '{{json .RepoDigests}}', name];
    const { stdout } = await runCaptured(argv);
    // The same image may have been pulled under other names too.
    const known = [...stdout.matchAll(/"([^"@]+)@sha256:([0-9a-f]{64})"/g)];
    const own = known.find(([, repository]) => repository === bare || repository!.endsWith(`/${bare}`));
    const digest = (own ?? known[0])?.[2];
    if (digest === undefined) throw pullFailed(name, 'the runtime tells no digest of it');
    await mkdir(this.cacheDir, { recursive: true });
    return recordPin(file, digest);
  }

  /** Id of an image that Docker or Podman loaded from a file of this digest. */
  async #loaded(file: string, digest: string, options: FetchOptions): Promise<string> {
    const [runtime, program] = this.#demandRuntime();
    const record = `${file}.json`;
    const known = await readFile(record, 'utf8').then(
      (text) => JSON.parse(text) as { runtime: string; digest: string; id: string },
      () => null,
    );
    if (known?.runtime === runtime && known.digest === digest) {
      const { exitCode } = await runCaptured([program, 'image', 'inspect', known.id]);
      if (exitCode === 0) return known.id;
    }
    const ended = await runCaptured([program, 'load', '--input', file], signalOf(options));
    const name = /Loaded image(?: ID|\(s\))?:\s*(\S+)/.exec(ended.stdout)?.[1];
    if (ended.exitCode !== 0 || name === undefined) throw pullFailed(file, ended.stderr);
    const { stdout } = await runCaptured([program, 'image', 'inspect', '--format', '{{.Id}}', name]);
    const id = /([0-9a-f]{64})/.exec(stdout)?.[1];
    if (id === undefined) throw pullFailed(file, 'the runtime tells no id of it');
    await writeFile(record, JSON.stringify({ runtime, digest, id }));
    return id;
  }
}

function signalOf({ signal }: { readonly signal?: AbortSignal }): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

interface ReadyImage {
  readonly file: string;
  /** What the runtime is told. */
  readonly image: string;
  readonly digest: string;
}

function mergedImages(
  given: Readonly<Record<string, Partial<ContainerSpec>>>,
): Record<string, ContainerSpec> {
  const all: Record<string, ContainerSpec> = { ...DEFAULT_CONTAINERS };
  for (const [key, fields] of Object.entries(given)) {
    const base: ContainerSpec = Object.hasOwn(DEFAULT_CONTAINERS, key)
      ? DEFAULT_CONTAINERS[key]!
      : { name: key, sifFilename: `${key}.sif`, sourceUrl: null, sha256: null, sizeMb: null, entrypoint: [] };
    all[key] = { ...base, ...fields };
  }
  return all;
}

/** A directory is seen as /input itself, a file in its directory; a link is replaced by what it leads to. */
async function inputBinds(given: string): Promise<{ bind: Bind; inside: string }> {
  const shown = path.resolve(given);
  const facts = await statIfThere(shown);
  if (facts === null) {
    throw new ProcessingError('FILE_MISSING', `the input ${given} does not exist`, {
      where: shown,
      cure: 'correct its path',
    });
  }
  const real = await realpath(shown);
  if (facts.isDirectory())
    return { bind: { source: real, target: '/input', readOnly: true }, inside: '/input' };
  const inside = `/input/${path.basename(shown)}`;
  if (path.basename(real) === path.basename(shown)) {
    return { bind: { source: path.dirname(real), target: '/input', readOnly: true }, inside };
  }
  // A link with a name of its own: what it leads to may lie outside of the directory.
  return { bind: { source: real, target: inside, readOnly: true }, inside };
}

function parseBind(text: string): Bind {
  const parts = text.split(':');
  const [source, target, mode = 'ro'] = parts;
  if (parts.length > 3 || !source || !target?.startsWith('/') || (mode !== 'ro' && mode !== 'rw')) {
    throw new ProcessingError('INVALID_ARGUMENT', `'${text}' is not a bind`, {
      cure: 'write source:/target, source:/target:ro or source:/target:rw',
    });
  }
  return { source: path.resolve(source), target, readOnly: mode === 'ro' };
}

/** Name of a file up to its first dot. */
function nameOf(file: string): string {
  const name = path.basename(path.resolve(file)).split('.')[0]!;
  // A leading dash would be read as an option.
  return name.replace(/^-+/, '') || 'input';
}

function pullFailed(source: string, stderr: string): ProcessingError {
  const why = stderr.trim().split('\n').slice(-3).join('; ');
  return new ProcessingError(
    'IO',
    `the image ${source} could not be fetched${why === '' ? '' : `: ${why}`}`,
    {
      where: source,
      cure: 'correct the reference, or log in to its registry with the runtime',
    },
  );
}
