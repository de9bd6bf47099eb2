import os from 'node:os';
import path from 'node:path';

import { ConfigError, ProcessingError } from '../../errors.js';

/** An image and how its tool is called. */
export interface ContainerSpec {
  readonly name: string;
  /** File name of the image in the cache directory. */
  readonly sifFilename: string;
  /** Path, https URL, or a reference (`docker://`, `oras://`, `library://`) for the runtime; null: not known here. */
  readonly sourceUrl: string | null;
  /**
   * 64 hex digits: SHA-256 of the image file, or, where Docker or Podman pulls a reference, of the manifest. null only with `pin`.
   */
  readonly sha256: string | null;
  /** The digest of the first download is recorded, and demanded ever after. */
  readonly pin?: 'first-use';
  readonly sizeMb: number | null;
  /**
   * Words of the command; `{input}`, `{output}` and `{name}` (the input's name up to its first dot) are put in after the words were
   * split, so that a path with blanks stays one argument.
   */
  readonly entrypoint: string | readonly string[];
  /** Words that follow where no GPU is used. */
  readonly cpuArguments?: readonly string[];
  readonly gpuRequired?: boolean;
}

/** Tools that can be called by key; where their images come from is the user's to say. */
export const DEFAULT_CONTAINERS: Readonly<Record<string, ContainerSpec>> = {
  hdbet: {
    name: 'HD-BET',
    sifFilename: 'hdbet.sif',
    sourceUrl: null,
    sha256: null,
    pin: 'first-use',
    sizeMb: 2400,
    entrypoint: ['hd-bet', '-i', '{input}', '-o', '{output}', '-mode', 'fast', '-tta', '0'],
    cpuArguments: ['-device', 'cpu'],
    gpuRequired: true,
  },
  synthseg: {
    name: 'SynthSeg',
    sifFilename: 'synthseg.sif',
    sourceUrl: null,
    sha256: null,
    pin: 'first-use',
    sizeMb: 1800,
    entrypoint: ['mri_synthseg', '--i', '{input}', '--o', '{output}', '--robust'],
    cpuArguments: ['--cpu'],
    gpuRequired: true,
  },
  fastsurfer: {
    name: 'FastSurfer',
    sifFilename: 'fastsurfer.sif',
    sourceUrl: null,
    sha256: null,
    pin: 'first-use',
    sizeMb: 3500,
    entrypoint: ['run_fastsurfer.sh', '--t1', '{input}', '--sd', '{output}', '--sid', '{name}', '--seg_only'],
    cpuArguments: ['--device', 'cpu'],
    gpuRequired: true,
  },
};

/** Where images are kept: `NEUROLOOM_CONTAINER_DIR`, else below the user's cache directory. */
export function containerDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env['NEUROLOOM_CONTAINER_DIR'];
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen);
  const cache = env['XDG_CACHE_HOME'] || path.join(env['HOME'] || os.homedir(), '.cache');
  return path.join(cache, 'neuroloom', 'containers');
}

const DIGEST = /^[0-9a-f]{64}$/;

/** @throws ConfigError CONFIG_VALUE for a specification that cannot be used, or would run without a digest */
export function checkContainerSpec(key: string, spec: ContainerSpec): void {
  const refuse = (what: string, cure: string): never => {
    throw new ConfigError('CONFIG_VALUE', `container ${key}: ${what}`, { where: `container ${key}`, cure });
  };
  // The name becomes a file beside others, and an argument of programs.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(spec.sifFilename)) {
    refuse(
      `'${spec.sifFilename}' is not possible as the name of an image file`,
      'use letters, digits, _ . + and -, starting with a letter, a digit or _',
    );
  }
  if (spec.sha256 === null && spec.pin !== 'first-use') {
    refuse('it has no digest', "give sha256, or pin: 'first-use' to record that of the first download");
  }
  if (spec.sha256 !== null && !DIGEST.test(spec.sha256)) {
    refuse(`'${spec.sha256}' is not a SHA-256 digest`, 'give 64 hex digits in lower case');
  }
  if (wordsOf(spec.entrypoint).length === 0) refuse('its entrypoint is empty', 'name the program to run');
}

/** Words of an entrypoint; a text is split at blanks, before anything is put in. */
export function wordsOf(entrypoint: string | readonly string[]): readonly string[] {
  return typeof entrypoint === 'string' ? entrypoint.split(/\s+/).filter(Boolean) : entrypoint;
}

/** Puts values in for `{names}` within words; a word stays one word. @throws ProcessingError for a name that is not there */
export function fillWords(words: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return words.map((word) =>
    word.replace(/\{([a-z_]+)\}/g, (_all, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value !== undefined) return value;
      throw new ProcessingError('INVALID_ARGUMENT', `the command has {${name}}, which is not known`, {
        cure: `use ${Object.keys(values)
          .map((known) => `{${known}}`)
          .join(', ')}`,
      });
    }),
  );
}

/** What the source of an image is. */
export type ImageSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'reference'; readonly reference: string };

/** @throws ConfigError CONFIG_VALUE for a source that is missing or of no known kind */
export function imageSource(key: string, spec: ContainerSpec): ImageSource {
  const source = spec.sourceUrl;
  const refuse = (what: string, cure: string): never => {
    throw new ConfigError('CONFIG_VALUE', `container ${key}: ${what}`, { where: `container ${key}`, cure });
  };
  if (source === null || source === '') {
    return refuse(
      `no source of the image of ${spec.name} is known`,
      'give sourceUrl: a path, an https URL, or a docker:// or oras:// reference',
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(source)?.[1];
  if (scheme === undefined) return { kind: 'file', path: path.resolve(source) };
  if (scheme === 'file') return { kind: 'file', path: new URL(source).pathname };
  if (scheme === 'docker' || scheme === 'oras' || scheme === 'library') {
    // What follows goes to a program as part of one argument; a name never starts with a dash or holds a blank.
    if (!/^[a-z]+:\/\/[A-Za-z0-9][A-Za-z0-9._:@/-]*$/.test(source) || source.includes('..')) {
      return refuse(`'${source}' is not a reference to an image`, 'write it as docker://registry/name:tag');
    }
    return { kind: 'reference', reference: source };
  }
  if (scheme !== 'https' && scheme !== 'http') {
    return refuse(`'${scheme}://' is no kind of source`, 'use a path, https://, docker:// or oras://');
  }
  if (scheme === 'http' && spec.sha256 === null) {
    return refuse('http cannot be trusted on first use', 'use https, or give sha256');
  }
  return { kind: 'url', url: new URL(source) };
}
