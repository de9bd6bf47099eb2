import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeTsv, type TsvCell } from '../../io/index.js';
import { seededRandom } from '../../numerics/random.js';
import { benjaminiHochberg } from '../../numerics/stats/false-discovery.js';
import { confoundedNote, readStudy, testFeatures, withCovariates } from './study-groups.js';

/** Fewest participants of a group. */
const LEAST = 2;
/** Columns of a table of regions before its values. */
const FIXED = ['surface', 'participant', 'structure', 'id', 'region', 'network', 'vertices', 'area'];

/** Compares groups of participants in every region: which regions differ. */
export const compareRegions = defineNode({
  name: 'compare_regions',
  version: 3,
  inputs: {
    /** Tables of `describe_regions`, of all surfaces. */
    table: port.file('tsv'),
    participants: port.file('any'),
    column: port.value(z.string()),
    covariates: port.value(z.array(z.string())),
    /** Null: all that the table names. */
    groups: port.value(z.array(z.string()).nullable()),
    permutations: port.value(z.int()),
  },
  outputs: { table: port.file('tsv') },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { groupOf, covariatesOf } = await readStudy(
      inputs.participants.path,
      inputs.column,
      inputs.covariates,
    );
    const { columns, rows } = await readTsv(inputs.table.path);
    const at = (name: string): number => columns.indexOf(name);
    const [participantAt, structureAt, regionAt, areaAt] = ['participant', 'structure', 'region', 'area'].map(
      at,
    ) as [number, number, number, number];
    const features = columns.filter((name) => !FIXED.includes(name));
    const there = new Set(rows.flatMap((row) => groupOf(row[participantAt] ?? '') ?? []));
    const groups = inputs.groups ?? [...there].sort();
    const out: TsvCell[][] = [];
    const pValues: number[] = [];
    const isCompared = groups.length > 1;
    if (!isCompared) {
      const which = groups.length === 0 ? 'no group has' : `only the group ${groups[0]} has`;
      ctx.log.warn(`regions not compared: ${which} surfaces with regions`);
    }
    const structures = isCompared ? [...new Set(rows.map((row) => row[structureAt] ?? ''))].sort() : [];
    for (const structure of structures) {
      const own = rows.filter((row) => row[structureAt] === structure);
      const people = [...new Set(own.map((row) => row[participantAt] ?? ''))].flatMap((participant) => {
        const group = groups.indexOf(groupOf(participant) ?? '');
        return group < 0 ? [] : [{ participant, group }];
      });
      const {
        members,
        columns: covariates,
        dropped,
      } = withCovariates(people, ({ participant }) => participant, covariatesOf);
      if (dropped.length > 0) {
        ctx.log.warn(`${structure}: regions of ${dropped.join(', ')} left out for a missing covariate`);
      }
      const labels = members.map(({ group }) => group);
      if (members.length === 0) continue;
      if (groups.some((_, g) => labels.filter((label) => label === g).length < LEAST)) {
        ctx.log.warn(`${structure}: regions not compared, a group has fewer than ${LEAST} participants`);
        continue;
      }
      const confounded = confoundedNote(labels, covariates);
      if (confounded !== null) {
        ctx.log.warn(`${structure}: regions not compared, ${confounded}`);
        continue;
      }
      const place = new Map(members.map(({ participant }, i) => [participant, i]));
      const regions = [...new Set(own.map((row) => row[regionAt] ?? ''))];
      const named = regions.flatMap((region) =>
        [...features, 'area'].map((feature) => ({ region, feature, values: meansOf(region, feature) })),
      );
      // The same permutations for all regions and features: p_family is over the whole structure.
      const tests = testFeatures(
        named.map(({ values }) => values),
        labels,
        covariates,
        seededRandom(ctx.seed, `labels ${structure} regions`),
        inputs.permutations,
      );
      tests.forEach((test, i) => {
        pValues.push(test.p);
        out.push([
          structure,
          named[i]!.region,
          named[i]!.feature,
          test.n,
          ...groups.flatMap((_, g) => [test.means[g]!, test.sds[g]!]),
          test.statistic,
          test.effect,
          test.p,
          test.pFamily,
        ]);
      });

      function meansOf(region: string, feature: string): Float64Array {
        const column = feature === 'area' ? areaAt : at(feature);
        const sums = new Float64Array(members.length);
        const counts = new Int32Array(members.length);
        for (const row of own) {
          const member = place.get(row[participantAt] ?? '');
          const cell = row[column] ?? null;
          if (row[regionAt] !== region || member === undefined || cell === null) continue;
          sums[member]! += Number(cell);
          counts[member]!++;
        }
        return sums.map((sum, i) => (counts[i] === 0 ? NaN : sum / counts[i]!));
      }
    }
    const adjusted = benjaminiHochberg(pValues);
    const table = ctx.outputFile('group_regions.tsv');
    const means = groups.flatMap((group) => [`mean_${group}`, `sd_${group}`]);
    const statistic = groups.length === 2 ? ['t', 'hedges_g'] : ['f', 'omega_squared'];
    await writeTsv(
      table,
      ['structure', 'region', 'feature', 'n', ...means, ...statistic, 'p', 'p_family', 'p_fdr'],
      out.map((row, i) => [...row, adjusted[i]!]),
    );
    return { table };
  },
});
