/** Preloaded into a measured process: writes its peak memory (KiB) to NEUROLOOM_BENCH_PEAK when it ends. */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  writeFileSync(process.env.NEUROLOOM_BENCH_PEAK, String(process.resourceUsage().maxRSS));
});
