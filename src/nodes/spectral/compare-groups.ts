import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeAtomic, writeTsv, type TsvCell } from '../../io/index.js';
import { seededRandom } from '../../numerics/random.js';
import { adjustedPermutationalAnova } from '../../numerics/stats/covariate-test.js';
import { benjaminiHochberg } from '../../numerics/stats/false-discovery.js';
import { permutationalAnova } from '../../numerics/stats/group-test.js';
import { VERSION } from '../../version.js';
import { readRecords } from './read-records.js';
import { confoundedNote, readStudy, testFeatures, withCovariates, type Covariate } from './study-groups.js';
import type { SurfaceRecord } from './surface-record.js';

/** Fewest participants of a group. */
const LEAST = 2;

/** Compares groups of participants in every feature, and in distances, by permutation, with control of false discoveries. */
export const compareGroups = defineNode({
  name: 'compare_groups',
  version: 3,
  inputs: {
    records: port.list(port.file('json')),
    distances: port.list(port.file('tsv')),
    metrics: port.value(z.array(z.string())),
    participants: port.file('any'),
    column: port.value(z.string()),
    /** Columns of that table that are taken out: `age`, or `C(site)` for what is a category in spite of being numbers. */
    covariates: port.value(z.array(z.string())),
    /** Null: all that the table names. */
    groups: port.value(z.array(z.string()).nullable()),
    permutations: port.value(z.int()),
  },
  outputs: { features: port.file('tsv'), distances: port.file('tsv'), sidecar: port.file('json') },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { column, permutations, metrics } = inputs;
    const study = await readStudy(inputs.participants.path, column, inputs.covariates);
    const { groupOf, covariatesOf, covariates } = study;
    const records = await readRecords(inputs.records);
    const there = new Set(records.flatMap(({ label }) => groupOf(label.participant) ?? []));
    const groups = inputs.groups ?? [...there].sort();
    const isCompared = groups.length > 1;
    const structures = isCompared ? [...new Set(records.map(({ label }) => label.structure))].sort() : [];
    const rows: TsvCell[][] = [];
    const pValues: number[] = [];
    const notes = isCompared
      ? []
      : [
          `not compared: ${groups.length === 0 ? 'no group has' : `only the group ${groups[0]} has`} surfaces`,
        ];
    const distanceRows: TsvCell[][] = [];
    const distanceP: number[] = [];
    for (const [done, structure] of structures.entries()) {
      const own = records.filter(({ label }) => label.structure === structure);
      const all = participantsOf(own, groupOf, groups);
      const { members, columns, dropped } = withCovariates(
        all,
        ({ records: [first] }) => first!.label.participant,
        covariatesOf,
      );
      if (dropped.length > 0) {
        notes.push(`${structure}: left out for a missing covariate: ${dropped.join(', ')}`);
      }
      const sizes = groups.map((_, g) => members.filter(({ group }) => group === g).length);
      // Shapes of nobody in the table, for example a template, are not a matter of groups.
      if (members.length === 0) continue;
      if (sizes.some((size) => size < LEAST)) {
        const counts = groups.map((group, g) => `${group}: ${sizes[g]}`).join(', ');
        notes.push(`${structure}: not compared, a group has fewer than ${LEAST} participants (${counts})`);
        continue;
      }
      const labels = members.map(({ group }) => group);
      const confounded = confoundedNote(labels, columns);
      if (confounded !== null) {
        notes.push(`${structure}: not compared, ${confounded}`);
        continue;
      }
      for (const [descriptor, features] of featuresOf(members.map((member) => member.records))) {
        // The same labellings for every feature of a descriptor: their correlation stays.
        const tests = testFeatures(
          features.map(({ values }) => values),
          labels,
          columns,
          seededRandom(ctx.seed, `labels ${structure} ${descriptor}`),
          permutations,
        );
        tests.forEach((test, i) => {
          pValues.push(test.p);
          rows.push([
            structure,
            descriptor,
            features[i]!.name,
            features[i]!.unit,
            test.n,
            ...groups.flatMap((_, g) => [test.means[g]!, test.sds[g]!]),
            test.statistic,
            test.effect,
            test.p,
            test.pFamily,
          ]);
        });
      }
      for (const [m, metric] of metrics.entries()) {
        const table = await readTsv(inputs.distances[m]!.path);
        const places = members.map(({ records: [first] }) => table.columns.indexOf(first!.label.surface) - 1);
        if (places.some((place) => place < 0)) {
          notes.push(`${structure}: ${metric} not compared, surfaces are missing in the matrix`);
          continue;
        }
        const n = places.length;
        const square = Float64Array.from({ length: n * n }, (_, at) =>
          Number(table.rows[places[Math.floor(at / n)]!]![places[at % n]! + 1]),
        );
        const random = seededRandom(ctx.seed, `labels ${structure} distances ${metric}`);
        const found =
          columns.length === 0
            ? permutationalAnova(square, labels, random, permutations)
            : adjustedPermutationalAnova(square, labels, columns, random, permutations);
        distanceP.push(found.p);
        distanceRows.push([structure, metric, found.n, found.pseudoF, found.r2, found.p]);
      }
      ctx.progress(done + 1, structures.length);
    }
    for (const note of notes) ctx.log.warn(note);
    const out = {
      features: ctx.outputFile('group_comparison.tsv'),
      distances: ctx.outputFile('group_distances.tsv'),
      sidecar: ctx.outputFile('group_comparison.json'),
    };
    const adjusted = benjaminiHochberg(pValues);
    const means = groups.flatMap((group) => [`mean_${group}`, `sd_${group}`]);
    const statistic = groups.length === 2 ? ['t', 'hedges_g'] : ['f', 'omega_squared'];
    await writeTsv(
      out.features,
      ['structure', 'descriptor', 'feature', 'unit', 'n', ...means, ...statistic, 'p', 'p_family', 'p_fdr'],
      rows.map((row, i) => [...row, adjusted[i]!]),
    );
    const adjustedDistances = benjaminiHochberg(distanceP);
    await writeTsv(
      out.distances,
      ['structure', 'metric', 'n', 'pseudo_f', 'r2', 'p', 'p_fdr'],
      distanceRows.map((row, i) => [...row, adjustedDistances[i]!]),
    );
    await writeAtomic(
      out.sidecar,
      `${JSON.stringify(sidecar(column, covariates, groups, permutations, notes, pValues.length), null, 2)}\n`,
    );
    return out;
  },
});

interface Member {
  readonly group: number;
  /** Several where a participant has several sessions. */
  readonly records: readonly SurfaceRecord[];
}

function participantsOf(
  records: readonly SurfaceRecord[],
  groupOf: (participant: string) => string | null,
  groups: readonly string[],
): Member[] {
  const byParticipant = new Map<string, SurfaceRecord[]>();
  for (const record of records) {
    const { participant } = record.label;
    byParticipant.set(participant, [...(byParticipant.get(participant) ?? []), record]);
  }
  return [...byParticipant].flatMap(([participant, own]) => {
    const group = groups.indexOf(groupOf(participant) ?? '');
    return group < 0 ? [] : [{ group, records: own }];
  });
}

interface FeatureColumn {
  readonly name: string;
  readonly unit: string;
  readonly values: Float64Array;
}

/** Features by descriptor, with a value per participant: the mean over sessions. */
function featuresOf(members: ReadonlyArray<readonly SurfaceRecord[]>): Map<string, FeatureColumn[]> {
  const found = new Map<string, Map<string, { unit: string; sums: Float64Array; counts: Float64Array }>>();
  const add = (
    member: number,
    descriptor: string,
    name: string,
    unit: string,
    value: number | null,
  ): void => {
    const features = found.get(descriptor) ?? new Map<string, never>();
    found.set(descriptor, features);
    const empty = (): Float64Array => new Float64Array(members.length);
    const feature = features.get(name) ?? { unit, sums: empty(), counts: empty() };
    features.set(name, feature);
    if (value === null) return;
    feature.sums[member]! += value;
    feature.counts[member]!++;
  };
  members.forEach((records, member) => {
    for (const record of records) {
      add(member, 'size', 'area', 'area', record.area);
      add(member, 'size', 'volume', 'volume', record.volume);
      for (const { descriptor, features } of record.descriptors) {
        for (const { name, unit, value } of features) add(member, descriptor, name, unit, value);
      }
    }
  });
  return new Map(
    [...found].map(([descriptor, features]) => [
      descriptor,
      [...features].map(([name, { unit, sums, counts }]) => ({
        name,
        unit,
        values: sums.map((sum, i) => (counts[i] === 0 ? NaN : sum / counts[i]!)),
      })),
    ]),
  );
}

function sidecar(
  column: string,
  covariates: readonly Covariate[],
  groups: readonly string[],
  permutations: number,
  notes: readonly string[],
  tests: number,
): unknown {
  return {
    GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
    group_column: column,
    covariates: covariates.map(({ column: name, as, categories }) => ({
      column: name,
      as,
      ...(categories === null ? {} : { categories }),
    })),
    test:
      covariates.length === 0
        ? 'permutation of the labels'
        : 'permutation of the residuals of a linear model of the covariates (Freedman and Lane 1983)',
    groups,
    permutations,
    tests,
    notes,
    columns: {
      n: { Description: 'participants with a value; several sessions of one are averaged' },
      ...(groups.length === 2
        ? {
            t: {
              Description: `${covariates.length === 0 ? "Welch's t" : 't of the linear model'}, ${groups[0]} minus ${groups[1]}`,
            },
            hedges_g: {
              Description: 'difference of means over the pooled standard deviation, small-sample corrected',
            },
          }
        : {
            f: { Description: 'F of the analysis of variance' },
            omega_squared: { Description: 'effect size' },
          }),
      ...(covariates.length === 0
        ? {}
        : {
            mean_: { Description: 'mean_<group>: of the model, at the mean of the covariates' },
            sd_: { Description: 'sd_<group>: of what the model leaves' },
          }),
      p: { Description: 'share of permuted labellings at least as extreme, this one counted; two-sided' },
      p_family: {
        Description: 'the same against the largest statistic of the descriptor: family-wise within it',
      },
      p_fdr: { Description: 'p adjusted by Benjamini and Hochberg over all rows of the table' },
    },
  };
}
