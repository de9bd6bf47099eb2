import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeTsv, type TsvCell } from '../../io/index.js';
import { readRecords } from './read-records.js';
import { shapeDnaRows } from './shapedna-rows.js';
import { SurfaceLabel, type SurfaceRecord } from './surface-record.js';

const QUALITY = [
  'surface',
  'participant',
  'structure',
  'vertices',
  'faces',
  'area',
  'volume',
  'components',
  'boundary_edges',
  'genus',
  'findings',
  'repaired',
  'k',
  'zero_modes',
  'res_lambda',
  'res_back',
  'orthonormality',
  'certificate_count',
  'kind',
  'status',
] as const;

/** The tables of a cohort: its surfaces with their quality, its scalar descriptors, its spectra. */
export const collectSurfaces = defineNode({
  name: 'collect_surfaces',
  version: 2,
  inputs: {
    records: port.list(port.file('json')),
    /** Of all surfaces, those without a result too. */
    labels: port.list(port.value(SurfaceLabel)),
    dropped: port.value(z.array(z.strictObject({ key: z.string(), reason: z.string() }))),
    normalisation: port.value(z.enum(['area', 'volume', 'fiedler', 'weyl', 'none'])),
    unit: port.value(z.string()),
  },
  outputs: { surfaces: port.file('tsv'), descriptors: port.file('tsv'), shapedna: port.file('tsv') },
  async run({ records: files, labels, dropped, normalisation, unit }, ctx) {
    const records = await readRecords(files);
    const surfaces: TsvCell[][] = records.map((record) => [
      record.label.surface,
      record.label.participant,
      record.label.structure,
      record.vertices,
      record.faces,
      record.area,
      record.volume,
      record.components,
      record.boundary_edges,
      record.genus,
      record.findings.join(',') || 'none',
      record.repaired.join(',') || 'none',
      record.k,
      record.zero_modes,
      record.res_lambda,
      record.res_back,
      record.orthonormality,
      record.certificate_count,
      record.kind,
      'ok',
    ]);
    for (const { key, reason } of dropped) {
      // The reason itself, not the way on which it came from the node that found it.
      const own = reason.replace(/^(upstream skipped: [^\]]*\]: )+/, '').replaceAll(/\s+/g, ' ');
      const label = labels.find(({ surface }) => surface.replaceAll('/', '__') === key);
      surfaces.push([
        label?.surface ?? key,
        label?.participant ?? null,
        label?.structure ?? null,
        ...QUALITY.slice(3, -1).map(() => null),
        `skipped: ${own}`,
      ]);
    }
    const power = (n: number): string => (unit === '1' ? '1' : `${unit}^${n}`);
    const features: TsvCell[][] = records.flatMap((record) => {
      const { surface, participant, structure } = record.label;
      const own: TsvCell[][] = [
        [surface, participant, structure, 'size', 'area', record.area, power(2)],
        [surface, participant, structure, 'size', 'volume', record.volume, power(3)],
      ];
      for (const { descriptor, features: rows } of record.descriptors) {
        for (const { name, value, unit: of } of rows) {
          own.push([surface, participant, structure, descriptor, name, value, of]);
        }
      }
      return own;
    });
    for (const warning of mixedKinds(records)) ctx.log.warn(warning);
    const dna = shapeDnaRows(records, normalisation);
    for (const warning of dna.warnings) ctx.log.warn(warning);
    const out = {
      surfaces: ctx.outputFile('surfaces.tsv'),
      descriptors: ctx.outputFile('descriptors.tsv'),
      shapedna: ctx.outputFile('shapedna.tsv'),
    };
    await writeTsv(out.surfaces, QUALITY, surfaces);
    await writeTsv(
      out.descriptors,
      ['surface', 'participant', 'structure', 'descriptor', 'feature', 'value', 'unit'],
      features,
    );
    await writeTsv(
      out.shapedna,
      ['surface', ...Array.from({ length: dna.count }, (_, i) => `l${i + 1}`)],
      dna.rows.map(({ surface, values }) => [surface, ...values]),
    );
    return out;
  },
});

/** Surfaces of one structure that are not of one kind: what their numbers differ by may be the kind. */
function mixedKinds(records: readonly SurfaceRecord[]): string[] {
  const structures = new Map<string, Map<string, number>>();
  for (const { label, kind } of records) {
    const counts = structures.get(label.structure) ?? new Map<string, number>();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    structures.set(label.structure, counts);
  }
  return [...structures]
    .filter(([, counts]) => counts.size > 1)
    .map(([structure, counts]) => {
      const kinds = [...counts].map(([kind, count]) => `${count} of kind ${kind}`).join(', ');
      return `${structure}: ${kinds}; their operators differ, and so do their numbers`;
    });
}
