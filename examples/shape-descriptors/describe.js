// Usage: node describe.js SURFACE...
import { readSurface } from 'neuroloom/io';
import {
  heatKernelSignature,
  laplaceBeltrami,
  logSpaced,
  meshCurvatures,
  meshGeometry,
  shapeDna,
  shapeDnaDistance,
  willmoreEnergy,
} from 'neuroloom/numerics';

const paths = process.argv.slice(2);

// One list of times for the whole cohort, relative to the area, so that the columns mean the same in every subject.
const relativeTimes = logSpaced(0.001, 1, 10);

const shapes = [];
for (const path of paths) {
  const { vertices, faces } = await readSurface(path);
  const { area, volume } = meshGeometry(vertices, faces);
  const pairs = laplaceBeltrami(vertices, faces, { k: 50 });
  for (const warning of pairs.warnings) console.error(`${path}: ${warning}`);
  const heat = heatKernelSignature(
    pairs,
    relativeTimes.map((time) => time * area),
  );
  const { meanSquared } = willmoreEnergy(meshCurvatures(vertices, faces));
  shapes.push({ path, dna: shapeDna(pairs.eigenvalues, 'area', { area }) });
  console.log(
    [
      path,
      `vertices ${vertices.length / 3}`,
      `area ${area.toFixed(2)}`,
      `volume ${volume.toFixed(2)}`,
      `lambda_1 ${pairs.eigenvalues[1].toPrecision(6)}`,
      `eigenvalues proved complete: ${pairs.certificate.count}`,
      `Willmore energy ${meanSquared.toFixed(3)}`,
      `heat signature ${heat.length / relativeTimes.length} x ${relativeTimes.length}`,
    ].join('\n  '),
  );
}

for (const [i, first] of shapes.entries()) {
  for (const second of shapes.slice(i + 1)) {
    const distance = shapeDnaDistance(first.dna, second.dna);
    console.log(`ShapeDNA distance ${first.path} ${second.path}: ${distance.toFixed(3)}`);
  }
}
