// Items that only the run knows, every combination, conditions, nested workflows:
//   node examples/reaction-times/outliers.js OUTPUT_DIR
import { fileURLToPath } from 'node:url';
import { defineSubworkflow, inputFile, port, Workflow, z } from 'neuroloom';
import { describeTrial, findSlowTrials, makeWarning, writePage } from './outlier-nodes.js';
import { collectTable, summariseTrials } from './nodes.js';

const recordings = fileURLToPath(new URL('./recordings', import.meta.url));

const wf = new Workflow('outliers');
const people = wf.items(['sub-01', 'sub-02', 'sub-03'], { key: (label) => label });
const trials = people.select((label) => inputFile(`${recordings}/${label}/trials.tsv`));

// Every person with every statistic: 3 x 2 instances with keys such as sub-01,mean.
const statistics = wf.items(['mean', 'median'], { key: (name) => name });
const summaries = wf.map(
  summariseTrials,
  { trials, participant: people, statistic: statistics },
  { mode: 'cross' },
);
const table = wf.add(collectTable, { summaries: wf.join(summaries.out.summary) });
wf.publish(table.out.table, 'both_statistics.tsv');

// How many trials of the first person are slow is known when the recording was read.
const found = wf.add(findSlowTrials, {
  trials: inputFile(`${recordings}/sub-01/trials.tsv`),
  limit: 0.33,
});
const slow = wf.expand(found.out.slow, { key: (one) => one.trial });
const units = wf.items(['s', 'ms'], { key: (unit) => unit });
const lines = wf.map(describeTrial, { slow, unit: units }, { mode: 'cross' });

// The warning is made only when there are slow trials; without it the page gets null.
const warning = wf.when(found.out.isSlow, (inner) => inner.add(makeWarning, { slow: found.out.slow }));
const page = wf.add(writePage, { lines: wf.join(lines.out.line), warning: warning.out.warning });
wf.publish(page.out.page, 'sub-01_slow.txt');

// The same for a whole group: a part with inputs and outputs, once per person.
const slowTrials = defineSubworkflow({
  name: 'slow_trials',
  inputs: { trials: port.file('tsv'), limit: port.value(z.number().default(0.5)) },
  build(inner, { trials: recording, limit }) {
    const search = inner.add(findSlowTrials, { trials: recording, limit });
    const words = inner.when(search.out.isSlow, () => inner.add(makeWarning, { slow: search.out.slow }));
    const text = inner.add(writePage, { lines: [], warning: words.out.warning });
    return { page: text.out.page };
  },
});
const pages = wf.mapSub(slowTrials, { trials });
wf.publish(pages.out.page, (label) => `${label}.txt`);

const result = await wf.run({ outputDir: process.argv[2] ?? 'out', jobs: 2 });
const { executed, reused, skipped } = result.counts;
console.log(`${result.status}: ${executed} nodes run, ${reused} reused, ${skipped} skipped`);
process.exitCode = result.exitCode;
