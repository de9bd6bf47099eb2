// Nodes for outliers.js: which trials of a person are slow, and a page about each of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { defineNode, port, z } from 'neuroloom';
import { readTsv } from 'neuroloom/io';

const SlowTrial = z.object({ trial: z.string(), reaction_time: z.number() });

/** The trials that took longer than a limit, seconds, and whether there are any. */
export const findSlowTrials = defineNode({
  name: 'find_slow_trials',
  version: 1,
  inputs: { trials: port.file('tsv'), limit: port.value(z.number()) },
  outputs: { slow: port.value(z.array(SlowTrial)), isSlow: port.value(z.boolean()) },
  async run({ trials, limit }) {
    const { columns, rows } = await readTsv(trials.path);
    const column = columns.indexOf('reaction_time');
    const slow = rows
      .map((row, i) => ({ trial: `trial-${i + 1}`, reaction_time: Number(row[column] ?? 0) }))
      .filter(({ reaction_time: time }) => time > limit);
    return { slow, isSlow: slow.length > 0 };
  },
});

/** One line about a slow trial. */
export const describeTrial = defineNode({
  name: 'describe_trial',
  version: 1,
  inputs: { slow: port.value(SlowTrial), unit: port.value(z.enum(['s', 'ms'])) },
  outputs: { line: port.file('text') },
  run({ slow, unit }, ctx) {
    const path = ctx.outputFile('line.txt');
    const time = unit === 's' ? slow.reaction_time.toFixed(2) : (1000 * slow.reaction_time).toFixed();
    writeFileSync(path, `${slow.trial} ${time} ${unit}\n`);
    return { line: path };
  },
});

/** All lines on one page; without a warning when there was nothing to warn of. */
export const writePage = defineNode({
  name: 'write_page',
  version: 1,
  inputs: { lines: port.list(port.file('text')), warning: port.optional(port.value(z.string())) },
  outputs: { page: port.file('text') },
  run({ lines, warning }, ctx) {
    const path = ctx.outputFile('page.txt');
    const text = lines.map((line) => readFileSync(line.path, 'utf8')).join('');
    writeFileSync(path, warning === null ? text : `${warning}\n${text}`);
    return { page: path };
  },
});

/** What stands on a page with slow trials. */
export const makeWarning = defineNode({
  name: 'make_warning',
  version: 1,
  inputs: { slow: port.value(z.array(SlowTrial)) },
  outputs: { warning: port.value(z.string()) },
  run: ({ slow }) => ({ warning: `${slow.length} slow trial(s)` }),
});
