/** One run or plan in a process of its own: `one-run.mjs run|plan NODES OUTPUT_DIR`. Prints what it cost. */
import { chains } from './workflow.mjs';

const [what, nodes, outputDir] = process.argv.slice(2);
const wf = chains(Number(nodes));
const started = performance.now();
const cpu = process.cpuUsage();
const counts =
  what === 'plan' ? (await wf.plan({ outputDir })).counts : (await wf.run({ outputDir, jobs: 2 })).counts;
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    counts,
    wall_ms: performance.now() - started,
    cpu_ms: (used.user + used.system) / 1000,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
