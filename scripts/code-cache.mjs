/**
 * Keeps the compiled form of the parts in dist/start for this Node: `npm run build` and `npm install` call it. Nothing
 * depends on it but how soon a command starts, so a failure is one warning and exit 0, with --strict exit 1. Does nothing
 * when the files are there, or without a build.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const partsModule = new URL('../dist/start/parts.js', import.meta.url);
const workflow = fileURLToPath(new URL('./code-cache-workflow.mjs', import.meta.url));

/** Runs the workflow twice, so that what a first run and an unchanged one call is compiled. */
async function warmUp(main, directory) {
  const said = [];
  const terminal = {
    isInteractive: false,
    hasColor: false,
    result: (line) => said.push(line),
    note: (line) => said.push(line),
    failure: () => null,
  };
  const words = [
    '--load',
    workflow,
    'run',
    '-w',
    'code_cache',
    '-i',
    directory,
    '-o',
    directory,
    '--jobs',
    '1',
  ];
  for (const format of ['plain', 'json']) {
    const exitCode = await main([...words, '--log-format', format], terminal);
    if (exitCode !== 0) throw new Error(`the run to warm up ended with ${exitCode}:\n${said.join('\n')}`);
  }
}

async function keep() {
  const { part, loadAll, loadedParts, missingCaches } = await import(partsModule.href);
  if (missingCaches().length === 0) return;
  const directory = mkdtempSync(join(tmpdir(), 'neuroloom-code-cache-'));
  try {
    await warmUp(part('cli/main.js').main, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  loadAll();
  for (const { script, cacheFile } of loadedParts()) {
    const unfinished = `${cacheFile}.${process.pid}`;
    writeFileSync(unfinished, script.createCachedData());
    renameSync(unfinished, cacheFile);
  }
}

if (existsSync(partsModule)) {
  try {
    await keep();
  } catch (error) {
    console.warn(
      `neuroloom: commands start more slowly, their compiled form could not be kept: ${error.message}`,
    );
    if (process.argv.includes('--strict')) process.exitCode = 1;
  }
}
