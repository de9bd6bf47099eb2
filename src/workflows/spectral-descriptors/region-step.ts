import { resolve } from 'node:path';

import type { Workflow } from '../../engine/builder.js';
import type { Handle, Items, Mapped } from '../../engine/handle.js';
import { inputFile, type ExternalFile, type FileOf } from '../../engine/port.js';
import { labelName } from '../../io/atlas/parcellation.js';
import { compareRegions } from '../../nodes/spectral/compare-regions.js';
import { connectRegions } from '../../nodes/spectral/connect-regions.js';
import { describeRegions } from '../../nodes/spectral/describe-regions.js';
import { parcellateSurface } from '../../nodes/spectral/parcellate-surface.js';
import { stackTables } from '../../nodes/spectral/stack-tables.js';
import type { SurfaceLabel } from '../../nodes/spectral/surface-record.js';
import { DESCRIPTORS, type DescriptorType } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { chosenScheme, findParcellation } from './parcellations.js';
import { inputRoot } from './participants.js';
import type { StepContext } from './steps.js';

interface RegionContext extends StepContext {
  readonly label: Items<SurfaceLabel>;
  readonly range: Handle<{ first_eigenvalue: number; last_eigenvalue: number }>;
  readonly described: ReadonlyMap<
    string,
    { readonly values: Mapped<FileOf<'npy'> | null>; readonly report: Mapped<FileOf<'json'>> }
  >;
  /** Null: no groups are compared. */
  readonly study: { readonly table: ExternalFile; readonly column: string } | null;
}

/** Regions of every surface: descriptors over them, and every two of them compared. */
export function addRegions(
  wf: Workflow,
  parcellation: NonNullable<SpectralDescriptorsConfig['parcellation']>,
  context: RegionContext,
): void {
  const { chosen, settings, surfaces, inputDir, mesh, solved, memory, published, label } = context;
  const scheme = chosenScheme(parcellation);
  const { ignore, min_vertices, networks, reach_mm, lookup } = parcellation;
  const parcellated = wf.map(
    parcellateSurface,
    {
      surface: context.geometry,
      ...mesh,
      files: surfaces.select((surface) =>
        findParcellation(surface, inputDir, scheme, parcellation.files).files.map(inputFile),
      ),
      names: surfaces.select((surface) =>
        findParcellation(surface, inputDir, scheme, parcellation.files).files.map(labelName),
      ),
      lookup: lookup === null ? null : inputFile(resolve(inputRoot(inputDir), lookup)),
      settings: { atlas: scheme?.id ?? null, ignore, min_vertices, networks, reach_mm },
      overlay: chosen.overlays,
    },
    memory,
  );
  wf.publish(parcellated.out.regions, published('_parcellation.tsv'));
  if (chosen.overlays) wf.publish(parcellated.out.overlay, published('_parcellation.label.gii'));
  const regions = { labels: parcellated.out.labels, regions: parcellated.out.regions };
  for (const [id, out] of context.described) {
    if (DESCRIPTORS[id as DescriptorType].domain !== 'vertex') continue;
    const { statistics } = parcellation;
    const told = wf.map(
      describeRegions,
      { label, ...regions, ...mesh, values: out.values, report: out.report, statistics },
      { id: `regions_${id}`, ...memory },
    );
    const all = wf.add(
      stackTables,
      { tables: wf.join(told.out.table, { minItems: 0 }) },
      { id: `all_regions_${id}` },
    );
    wf.publish(told.out.table, published(`_regions_${id}.tsv`));
    wf.publish(all.out.table, `regions_${id}.tsv`);
    if (context.study === null) continue;
    const compared = wf.add(
      compareRegions,
      {
        table: all.out.table,
        participants: context.study.table,
        column: context.study.column,
        covariates: chosen.covariates,
        groups: chosen.groups,
        permutations: chosen.permutations,
      },
      { id: `compare_regions_${id}` },
    );
    wf.publish(compared.out.table, `group_regions_${id}.tsv`);
  }
  const { between, profile, region_k } = parcellation;
  const { operator, mass, boundary, solver, degenerate_triangles } = chosen;
  const { normalisation, hks_times, diffusion_time } = settings;
  for (const by of [...new Set(parcellation.connectomes)]) {
    const own = by === 'shapedna' ? undefined : context.described.get(by);
    const isProfile = own !== undefined && DESCRIPTORS[by as DescriptorType].domain === 'vertex';
    const isDistance = !isProfile && by !== 'shapedna';
    const connected = wf.map(
      connectRegions,
      {
        by,
        ...regions,
        ...mesh,
        eigenvalues: isDistance ? solved.eigenvalues : null,
        eigenvectors: isDistance ? solved.eigenvectors : null,
        eigen: isDistance ? solved.report : null,
        range: by === 'diffusion' ? context.range : null,
        values: isProfile ? own.values : null,
        report: isProfile ? own.report : null,
        settings: {
          between,
          profile,
          region_k,
          operator: { operator, mass, boundary, solver, degenerate_triangles },
          descriptors: DescriptorSettings.parse(
            by === 'diffusion' ? { normalisation, hks_times, diffusion_time } : { normalisation },
          ),
        },
        unit: chosen.unit,
      },
      { id: `connectome_${by}`, ...memory },
    );
    wf.publish(connected.out.matrix, published(`_connectome_${by}.tsv`));
    wf.publish(connected.out.sidecar, published(`_connectome_${by}.json`));
    if (networks !== null) wf.publish(connected.out.networks, published(`_networks_${by}.tsv`));
  }
}
