// A study built and run in code: node examples/reaction-times/study.js OUTPUT_DIR
// Run it twice: the second time nothing is computed. Change one recording: that participant and the table are.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inputFile, Workflow } from 'neuroloom';
import { collectTable, summariseTrials } from './nodes.js';

const recordings = fileURLToPath(new URL('./recordings', import.meta.url));
const participants = readdirSync(recordings);

const study = new Workflow('reaction_times');
const people = study.items(participants, { key: (participant) => participant });
const summaries = study.map(summariseTrials, {
  trials: people.select((participant) => inputFile(`${recordings}/${participant}/trials.tsv`)),
  participant: people,
  statistic: 'median',
});
const table = study.add(collectTable, { summaries: study.join(summaries.out.summary) });
study.publish(table.out.table, 'reaction_times.tsv');

const result = await study.run({ outputDir: process.argv[2] ?? 'out', jobs: 2 });
console.log(`${result.status}: ${result.counts.executed} nodes run, ${result.counts.reused} reused`);
process.exitCode = result.exitCode;
