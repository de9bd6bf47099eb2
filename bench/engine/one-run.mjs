/** One run or plan in a process of its own: `one-run.mjs run|plan NODES OUTPUT_DIR [GRAPH]`. Prints what it cost. */
import { GRAPHS } from './workflow.mjs';

const [what, nodes, outputDir, graph = 'chains'] = process.argv.slice(2);
const started = performance.now();
const cpu = process.cpuUsage();
const wf = GRAPHS[graph](Number(nodes));
const counts =
  what === 'plan' ? (await wf.plan({ outputDir })).counts : (await wf.run({ outputDir, jobs: 2 })).counts;
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    counts,
    edges: wf.compile().dependencies.targets.length,
    wall_ms: performance.now() - started,
    cpu_ms: (used.user + used.system) / 1000,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
