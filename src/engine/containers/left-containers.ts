/**
 * Containers of Docker and Podman outlive the programs that started them, and a worker may be ended at any moment. It notes
 * each container while it runs; who finds the worker dead ends what is noted.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { runCaptured } from './run-captured.js';

/** Environment of a worker: the directory of its notes. */
export const NOTES_VARIABLE = 'NEUROLOOM_CONTAINER_NOTES';

/** One call of a runtime that ends containers takes at most this long, ms. */
const CALL_WITHIN_MS = 10_000;

/** A container with the program that ends it. */
export interface NamedContainer {
  /** Path of docker or podman. */
  readonly program: string;
  readonly name: string;
}

/**
 * Notes a container that is about to be started, where somebody reads notes.
 *
 * @returns takes the note back
 */
export function noteContainer({ program, name }: NamedContainer): () => void {
  const directory = process.env[NOTES_VARIABLE];
  if (directory === undefined) return () => undefined;
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, name);
  writeFileSync(file, program);
  return () => rmSync(file, { force: true });
}

/** Containers that a dead worker left notes of. */
export function notedContainers(directory: string): NamedContainer[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const program = readFileSync(path.join(directory, name), 'utf8');
    // A note without its program was not written to the end: nothing was started after it.
    return program === '' ? [] : [{ program, name }];
  });
}

/** Kills a container by its name; one that is not there yet, or no more, is no failure. */
export async function killContainer({ program, name }: NamedContainer): Promise<void> {
  await refusal([program, 'kill', name]);
}

/**
 * Kills a container and removes what it leaves.
 *
 * @returns why it may still be there, one sentence; null: it is gone
 */
export async function endContainer(container: NamedContainer): Promise<string | null> {
  await killContainer(container);
  const { program, name } = container;
  const refused = await refusal([program, 'rm', '--force', name]);
  if (refused === null || /no such container|no container with/i.test(refused)) return null;
  return `container ${name} may still run: ${refused}`;
}

async function refusal(argv: readonly string[]): Promise<string | null> {
  try {
    const { exitCode, stderr, isTimedOut } = await runCaptured(argv, { timeoutMs: CALL_WITHIN_MS });
    if (isTimedOut) return `${argv.join(' ')} took longer than ${CALL_WITHIN_MS} ms`;
    return exitCode === 0 ? null : `${argv.join(' ')} ended with code ${exitCode}: ${stderr.trim()}`;
  } catch (error) {
    return `${argv.join(' ')}: ${(error as Error).message}`;
  }
}
