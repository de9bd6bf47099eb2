/**
 * From a surface file to its heat kernel signature, wave kernel signature and ShapeDNA:
 * `npm run build && node bench/spectral/load.mjs FILE [-k 100]`.
 *
 * One JSON line: processor time of the whole process, all threads, from the first line of this script on, so without Node's
 * own start but with loading of modules and addon. Give one run per process.
 */
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const begin = cpu();
const marks = [];
let last = begin;
const mark = (name) => {
  const now = cpu();
  marks.push([`${name}_cpu_s`, Number((now - last).toFixed(3))]);
  last = now;
};

const words = process.argv.slice(2);
const k = words.includes('-k') ? Number(words[words.indexOf('-k') + 1]) : 100;
const { readSurface } = await import('../../dist/io/index.js');
mark('import_io');
const { heatKernelSignature, heatTimes, laplaceBeltrami, shapeDna, waveEnergies, waveKernelSignature } =
  await import('../../dist/numerics.js');
mark('import_numerics');
const { vertices, faces } = await readSurface(words[0]);
mark('read');
const spectrum = laplaceBeltrami(vertices, faces, { k });
mark('eigenpairs');
const heat = heatKernelSignature(spectrum, heatTimes(spectrum.eigenvalues, 100));
mark('hks');
const wave = waveKernelSignature(spectrum, waveEnergies(spectrum.eigenvalues, 100));
mark('wks');
const shape = shapeDna(spectrum.eigenvalues, 'area', { area: spectrum.area });
mark('shapedna');
console.log(
  JSON.stringify({
    mesh: words[0],
    n: spectrum.n,
    k,
    solver: spectrum.solver,
    certificate: spectrum.certificate.count,
    sizes: [heat.length, wave.length, shape.length],
    node_start_cpu_s: Number(begin.toFixed(3)),
    ...Object.fromEntries(marks),
    cpu_s: Number((cpu() - begin).toFixed(3)),
  }),
);
