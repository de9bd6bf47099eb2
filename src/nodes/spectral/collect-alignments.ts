import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic, writeChart, writeTsv, type ChartSpec } from '../../io/index.js';
import {
  derivativeEnergies,
  type DerivativeEnergies,
} from '../../numerics/descriptors/derivative-wave-signature.js';
import { VERSION } from '../../version.js';
import { AlignmentReport } from './alignment-report.js';

const Energies = z.strictObject({ energies: z.array(z.number()), sigma: z.number(), floor: z.number() });

/** Energies of the signature of shape differences, the same for all surfaces of a study. */
export const DifferenceScales = z.strictObject({ area: Energies, conformal: Energies });
export type DifferenceScales = z.output<typeof DifferenceScales>;

/** The alignments of a cohort: a table, a chart of the agreement by mode, and energies for their differences. */
export const collectAlignments = defineNode({
  name: 'collect_alignments',
  version: 1,
  inputs: {
    reports: port.list(port.file('json')),
    energies: port.value(z.int()),
    factor: port.value(z.number()),
    plots: port.value(z.boolean()),
  },
  outputs: {
    table: port.file('tsv'),
    sidecar: port.file('json'),
    scales: port.value(DifferenceScales),
    chart: port.optional(port.file('chart')),
    chart_spec: port.optional(port.file('chart')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ reports: files, energies, factor, plots }, ctx) {
    const reports: AlignmentReport[] = [];
    for (const { path } of files) {
      reports.push(AlignmentReport.parse(JSON.parse(await readFile(path, 'utf8'))));
    }
    const table = ctx.outputFile('alignment.tsv');
    const sidecar = ctx.outputFile('alignment.json');
    await writeTsv(
      table,
      [
        'surface',
        'reference',
        'start',
        'modes',
        'modes_found',
        'mean_agreement',
        'smallest_singular_value',
        'largest_singular_value',
        'coverage',
      ],
      reports.map((report) => [
        report.surface,
        report.reference,
        report.start,
        report.modes,
        report.modes_found,
        report.mean_agreement,
        report.singular_values.at(-1)!,
        report.singular_values[0]!,
        report.coverage,
      ]),
    );
    const scales = {
      area: energiesOf(
        reports.flatMap(({ area_difference: values }) => values),
        energies,
        factor,
      ),
      conformal: energiesOf(
        reports.flatMap(({ conformal_difference: values }) => values),
        energies,
        factor,
      ),
    };
    const content = {
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      references: [...new Set(reports.map(({ reference }) => reference))],
      columns: {
        modes_found: { Description: 'modes with a squared cosine of 0.9 or more with that of the reference' },
        mean_agreement: { Description: 'mean squared cosine over the modes above 0, 0 to 1' },
        smallest_singular_value: {
          Description: 'of the functional map at area 1; 1 where every mode of the reference is found again',
        },
        coverage: { Description: 'share of the area of the reference that some vertex corresponds to' },
      },
      dwks: scales,
    };
    await writeAtomic(sidecar, `${JSON.stringify(content, null, 2)}\n`);
    if (!plots) return { table, sidecar, scales };
    const paths = { svg: ctx.outputFile('alignment.svg'), spec: ctx.outputFile('alignment.vl.json') };
    for (const warning of await writeChart(paths, alignmentChart(reports))) ctx.log.warn(warning);
    return { table, sidecar, scales, chart: paths.svg, chart_spec: paths.spec };
  },
});

function energiesOf(values: readonly number[], count: number, factor: number): DifferenceScales['area'] {
  // No spread: a large cohort has more values than a call takes arguments.
  const floor = 1e-6 * values.reduce((most, value) => Math.max(most, value), 0);
  const found: DerivativeEnergies = derivativeEnergies(values, count, { factor, floor });
  return { energies: [...found.energies], sigma: found.sigma, floor };
}

/** Lines that can be told apart are all drawn; of more, some. */
const MOST_LINES = 60;

/** Agreement with the reference by mode, a line per surface and the median of all. */
function alignmentChart(reports: readonly AlignmentReport[]): ChartSpec {
  const step = Math.max(1, Math.ceil(reports.length / MOST_LINES));
  const lines = reports
    .filter((_, i) => i % step === 0)
    .flatMap(({ surface, agreement }) =>
      agreement.map((value, mode) => ({ surface, mode, agreement: Number(value.toFixed(4)) })),
    );
  const longest = Math.max(...reports.map(({ modes }) => modes));
  const medians = Array.from({ length: longest }, (_, mode) => {
    const values = reports.flatMap(({ agreement }) => agreement[mode] ?? []).sort((a, b) => a - b);
    return { mode, agreement: Number((values[Math.floor(values.length / 2)] ?? 0).toFixed(4)) };
  });
  const x = { field: 'mode', type: 'quantitative', title: 'mode of the reference' } as const;
  const y = {
    field: 'agreement',
    type: 'quantitative',
    title: 'squared cosine',
    scale: { domain: [0, 1] as number[] },
  } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `Modes aligned to the reference: ${reports.length} surfaces, median bold`,
    width: 520,
    height: 260,
    layer: [
      {
        data: { values: lines },
        mark: { type: 'line', strokeWidth: 1, opacity: 0.4, color: '#4c78a8' },
        encoding: { x, y, detail: { field: 'surface', type: 'nominal' } },
      },
      {
        data: { values: medians },
        mark: { type: 'line', strokeWidth: 2.5, color: '#f58518' },
        encoding: { x, y },
      },
    ],
  };
}
