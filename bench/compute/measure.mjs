/**
 * Repeats fn and gives medians. cpu_ms is the processor time of the whole process, all threads: on a shared machine
 * compare one thread with one thread by it.
 */
export async function timed(fn, reps) {
  await fn();
  const wall = [];
  const cpu = [];
  for (let rep = 0; rep < reps; rep++) {
    const start = performance.now();
    const before = process.cpuUsage();
    await fn();
    const used = process.cpuUsage(before);
    wall.push(performance.now() - start);
    cpu.push((used.user + used.system) / 1000);
  }
  return { wall_ms: median(wall), best_ms: Math.min(...wall), cpu_ms: median(cpu) };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** One JSON line with the keys of the torch script; `gflop` (work of one repetition) adds the rate. */
export function emit(name, size, result, { gflop, ...more } = {}) {
  const rounded = Object.fromEntries(
    Object.entries(result).map(([key, value]) => [key, Math.round(value * 1000) / 1000]),
  );
  const rate = gflop === undefined ? {} : { gflops_cpu: Math.round((gflop / result.cpu_ms) * 1e4) / 10 };
  const peak_rss_mb = Math.round(process.resourceUsage().maxRSS / 102.4) / 10;
  console.log(JSON.stringify({ name, size, ...rounded, peak_rss_mb, ...more, ...rate }));
}

/** Values in [-1, 1), the same for the same seed. */
export function uniform(length, seed = 1) {
  const values = new Float32Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}
