/** The README's first command: make a seeded cohort, learn its atlas, say where the results are and how good. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const pipeline = join(repository, 'bin', 'pipeline.js');
const cohort = join(repository, 'demo', 'cohort');
const output = join(repository, 'demo', 'out');

function run(...args) {
  console.log(
    `\n$ pipeline ${args.map((a) => (relative(process.cwd(), a).startsWith('..') ? a : a.replace(repository, ''))).join(' ')}`,
  );
  const child = spawnSync(process.execPath, [pipeline, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (child.status !== 0) process.exit(child.status ?? 1);
}

if (!existsSync(join(cohort, 'neuroloom.yaml'))) run('sample', 'learned_atlas', cohort);
run('run', '-w', 'learned_atlas', '-i', cohort, '-o', output, '-c', join(cohort, 'neuroloom.yaml'));

const atlas = join(output, 'atlas_learned');
const metadata = JSON.parse(readFileSync(join(atlas, 'learned_atlas_metadata.json'), 'utf8'));
const evaluation = JSON.parse(readFileSync(join(atlas, 'evaluation.json'), 'utf8'));
const show = (path) => relative(process.cwd(), path);

console.log(`\nThe atlas of ${metadata.subjects.length} subjects is in ${show(atlas)}`);
for (const name of ['mean', 'std', 'std_error', 'cov', 'prob_threshold'])
  console.log(`  atlas_${name}.nii.gz`);
console.log(`  fields/<id>_field.nii.gz, learned_atlas_metadata.json, diagnostics.json, evaluation.json`);
console.log('\nEvaluation, each subject left out in turn (higher is better, 0 is the leave-one-out mean):');
for (const subject of evaluation.subjects) {
  console.log(
    `  ${subject.id}  relative_reduction ${subject.relative_reduction.toFixed(3)}  departure_pearson ${subject.departure_pearson.toFixed(3)}`,
  );
}
console.log(
  `  median relative_reduction ${evaluation.median.relative_reduction.toFixed(3)}, departure_pearson ${evaluation.median.departure_pearson.toFixed(3)}`,
);
console.log('\nRun it again: nothing is computed twice.');
