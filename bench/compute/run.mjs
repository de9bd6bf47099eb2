/**
 * Timings of the native kernels, to be compared with the torch script of the reference data.
 *
 *   npm run build && npm run bench:compute -- --case conv peak step --size 64 --channels 16 32 --threads 1 --reps 9
 *
 * One JSON object per line: {name, size, channels, wall_ms, best_ms, cpu_ms, peak_rss_mb, gflops_cpu}. A case is a
 * module in cases/ that exports run(options).
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cases = readdirSync(new URL('./cases/', import.meta.url)).map((file) => file.replace(/\.mjs$/, ''));

const usage = `usage: run.mjs [--case ${cases.join('|')} ...] [--size N ...] [--channels N ...]
              [--threads N] [--reps N] [--isa avx512|avx2|baseline] [--init FILE] [--flow half|full]`;

/** Values by option; every option takes one or more words. */
function parse(words) {
  const options = {
    case: ['conv'],
    size: ['64'],
    channels: ['16', '32'],
    threads: ['1'],
    reps: ['7'],
    isa: [],
    init: [],
    flow: ['half'],
  };
  let current;
  for (const word of words) {
    if (word.startsWith('--')) {
      current = word.slice(2);
      if (!(current in options)) throw new Error(`unknown option ${word}\n${usage}`);
      options[current] = [];
    } else if (current === undefined) {
      throw new Error(`${word} belongs to no option\n${usage}`);
    } else {
      options[current].push(word);
    }
  }
  return options;
}

const options = parse(process.argv.slice(2));
const unknown = options.case.filter((name) => !cases.includes(name));
if (unknown.length > 0) throw new Error(`no case ${unknown.join(', ')}\n${usage}`);
if (!existsSync(fileURLToPath(new URL('../../dist/native/index.js', import.meta.url)))) {
  throw new Error('the product is not built: npm run build');
}

const { nativeStatus, selectIsa, setNativeThreads } = await import('../../dist/native/index.js');
const threads = Number(options.threads[0]);
if (options.isa[0] !== undefined) selectIsa(options.isa[0]);
setNativeThreads(threads);
console.log(JSON.stringify({ ...nativeStatus(), threads, node: process.version }));
for (const name of options.case) {
  const { run } = await import(new URL(`./cases/${name}.mjs`, import.meta.url));
  await run({
    sizes: options.size.map(Number),
    channels: options.channels.map(Number),
    threads,
    reps: Number(options.reps[0]),
    init: options.init[0],
    flow: options.flow[0],
  });
}
