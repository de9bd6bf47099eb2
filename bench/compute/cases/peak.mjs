import { fmaPeakGflops } from '../../../dist/native/index.js';
import { median } from '../measure.mjs';

/**
 * Multiply-adds in registers: the rate that the share of the kernels is taken of. gflops_cpu is per second of
 * processor time, so it is the rate of one core whatever the number of threads and the load of the machine.
 */
export async function run({ reps }) {
  const rates = Array.from({ length: reps }, () => {
    const start = performance.now();
    const before = process.cpuUsage();
    const perWallSecond = fmaPeakGflops(100);
    const used = process.cpuUsage(before);
    const wallMs = performance.now() - start;
    return { wall: perWallSecond, cpu: (perWallSecond * wallMs) / ((used.user + used.system) / 1000) };
  });
  const rounded = (values) => Math.round(median(values) * 10) / 10;
  console.log(
    JSON.stringify({
      name: 'fma_peak',
      gflops_cpu: rounded(rates.map((rate) => rate.cpu)),
      gflops_wall: rounded(rates.map((rate) => rate.wall)),
    }),
  );
}
