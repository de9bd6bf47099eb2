import { basename } from 'node:path';
import type { ReportBlock, ReportSection } from '../../engine/report-section.js';
import { AtlasToPatientConfig } from './config.js';
import type { ResultFile, ResultFiles } from '../../engine/result-files.js';

const IN_ORDER = new Intl.Collator('en', { numeric: true });

/** Maps of an atlas on the grids of patients: a page with the maps for each of them. */
export function describeAtlasToPatient(results: ResultFiles): ReportSection | null {
  const byPatient = new Map<string, ResultFile[]>();
  for (const file of results.files) {
    if (file.item === null || !/\.nii(\.gz)?$/.test(file.path)) continue;
    byPatient.set(file.item, [...(byPatient.get(file.item) ?? []), file]);
  }
  if (byPatient.size === 0) return null;
  // Files come in the order in which they were published.
  const patients = [...byPatient].sort(([a], [b]) => IN_ORDER.compare(a, b));
  return {
    title: 'Atlas on the grids of the patients',
    blocks: [
      {
        kind: 'table',
        title: 'Patients',
        participantColumn: 0,
        columns: [{ name: 'patient' }, { name: 'maps' }],
        rows: patients.map(([label, files]) => [label, files.map(({ path }) => basename(path)).join(', ')]),
      },
    ],
    participants: patients.map(([label, files]) => ({
      label,
      blocks: () => [mapsOf(files)],
    })),
    methods: [methods(results)],
    citations: [],
  };
}

function methods({ config }: ResultFiles): string {
  const { transform, interpolation, modulate, mask_level } = AtlasToPatientConfig.parse(
    config['atlas_to_patient'] ?? {},
  );
  const way =
    transform === 'identity'
      ? 'by their affines alone'
      : transform === 'register'
        ? 'by a diffeomorphic registration of the atlas with the tract density of the patient'
        : `by the transforms of each patient (${[transform].flat().join(', ')})`;
  return `The maps of an atlas were brought to the grid of every patient ${way}, with ${interpolation === 'nearest' ? 'values of the nearest voxel' : 'trilinear interpolation'}${modulate ? ' and multiplication by the local change of volume' : ''}; the mask is where at least ${Math.round(mask_level * 100)} % of the cohort have the tract.`;
}

function mapsOf(files: readonly ResultFile[]): ReportBlock {
  return {
    kind: 'maps',
    title: 'Maps',
    caption: 'Every map with its own scale.',
    maps: files.map(({ path, absolute }) => ({
      path: absolute,
      label: basename(path).replace(/\.nii(\.gz)?$/, ''),
      unit: '',
    })),
  };
}
