import { statSync } from 'node:fs';

import { Workflow } from '../../engine/builder.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { sourceName } from '../../engine/source-name.js';
import { chooseScales } from '../../nodes/spectral/choose-scales.js';
import { cleanSurface } from '../../nodes/spectral/clean-surface.js';
import { collectSurfaces } from '../../nodes/spectral/collect-surfaces.js';
import { compareGroups } from '../../nodes/spectral/compare-groups.js';
import { computeDescriptor } from '../../nodes/spectral/compute-descriptor.js';
import { DISTANCE_METRICS, measureDistances } from '../../nodes/spectral/measure-distances.js';
import { plotCohort } from '../../nodes/spectral/plot-cohort.js';
import { recordSurface } from '../../nodes/spectral/record-surface.js';
import { solveEigenpairs } from '../../nodes/spectral/solve-eigenpairs.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { SAFE_REPAIRS, type MeshRepair } from '../../numerics/mesh/settings.js';
import { addBayesianGroup } from '../bayesian-step.js';
import { addAlignment } from './alignment-step.js';
import { SpectralDescriptorsConfig } from './config.js';
import { groupColumn, inputRoot, readParticipants } from './participants.js';
import { findReferences } from './references.js';
import { readGivenScales, surfaceProblems } from './requirements.js';
import { addRegions } from './region-step.js';
import { chosenSurfaces, findSurfaces, type StudySurface } from './surfaces.js';

interface Config extends MergedConfig {
  readonly spectral_descriptors: SpectralDescriptorsConfig;
}

/** Spectra and shape descriptors of surfaces: surface by surface, and compared over a cohort. */
@workflow({
  name: 'spectral_descriptors',
  summary: 'Computes certified Laplace-Beltrami spectra and shape descriptors of surfaces, and compares them',
  scope: 'cohort',
  configNamespace: 'spectral_descriptors',
  configSchema: SpectralDescriptorsConfig,
  checksInput: true,
})
export class SpectralDescriptors {
  verifyRequirements({ spectral_descriptors }: Config, context: WorkflowContext): Promise<Problem[]> {
    return surfaceProblems(spectral_descriptors, context);
  }

  async buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Promise<Workflow> {
    const chosen = config.spectral_descriptors;
    const { inputDir } = context;
    const table = await readParticipants(inputDir, chosen.participants_table);
    const all = await findSurfaces(inputDir, chosen.surfaces, table, null);
    const found = chosenSurfaces(all, context.participants, inputRoot(inputDir));
    const settings = picked(DescriptorSettings.shape, chosen) as DescriptorSettings;
    const { min_surfaces: minItems, unit, shapedna_normalisation: normalisation, k } = chosen;
    const memory = { resources: { memoryGb: memoryFor(found, k) } };
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    const published = (suffix: string) => (id: string) => `${nameOf.get(id)}${suffix}`;

    const wf = new Workflow('spectral_descriptors');
    const surfaces = wf.items(found, { key: ({ id }) => id });
    const cleaned = wf.map(
      cleanSurface,
      { surface: surfaces.select(({ path }) => inputFile(path)), repair: repairsOf(chosen) },
      memory,
    );
    const mesh = {
      vertices: cleaned.out.vertices,
      faces: cleaned.out.faces,
      vertex_map: cleaned.out.vertex_map,
    };
    const { operator, mass, boundary, solver } = chosen;
    const solved = wf.map(
      solveEigenpairs,
      { ...mesh, k, settings: { operator, mass, boundary, solver } },
      memory,
    );
    const scales = wf.add(chooseScales, {
      eigenvalues: wf.join(solved.out.eigenvalues, { minItems }),
      reports: wf.join(solved.out.report, { minItems }),
      given: readGivenScales(chosen, inputDir),
      settings,
    });
    const described = [...new Set(chosen.descriptors)]
      .filter((id) => DESCRIPTORS[id].domain !== 'pair')
      .map((id) => {
        const { source } = DESCRIPTORS[id];
        const isOfSpectrum = source !== 'surface';
        const computed = wf.map(
          computeDescriptor,
          {
            descriptor: id,
            ...mesh,
            eigenvalues: isOfSpectrum ? solved.out.eigenvalues : null,
            eigenvectors: isOfSpectrum ? solved.out.eigenvectors : null,
            range: isOfSpectrum ? scales.out.range : null,
            settings: settingsFor(id, settings),
            unit,
            precision: chosen.precision,
            overlay: chosen.overlays,
          },
          { id, ...memory },
        );
        wf.publish(computed.out.values, published(`_${id}.npy`));
        wf.publish(computed.out.table, published(`_${id}.tsv`));
        if (chosen.overlays) wf.publish(computed.out.overlay, published(`_${id}.func.gii`));
        wf.publish(computed.out.report, published(`_${id}.json`));
        return computed;
      });
    const label = surfaces.select(({ name, participant, structure }) => ({
      surface: name,
      participant,
      structure,
    }));
    const aligned =
      chosen.alignment === null
        ? null
        : addAlignment(wf, chosen.alignment, {
            chosen,
            settings,
            references: await findReferences(chosen.alignment, found, all, inputDir),
            repair: repairsOf(chosen),
            surfaces,
            inputDir,
            mesh,
            solved: solved.out,
            memory,
            published,
          });
    const recorded = wf.map(recordSurface, {
      label,
      source: surfaces.select(({ path }) => sourceName(path, { ...context, inputDir: inputRoot(inputDir) })),
      diagnosis: cleaned.out.diagnosis,
      eigen: solved.out.report,
      eigenvalues: solved.out.eigenvalues,
      descriptors: surfaces.select(({ id }) => described.map(({ out }) => wf.pick(out.report, id))),
      signature: aligned?.signature == null ? null : wf.orNull(aligned.signature),
      unit,
    });
    const records = wf.join(recorded.out.record, { minItems });
    const collected = wf.add(collectSurfaces, {
      records,
      labels: wf.join(label),
      dropped: wf.dropped(recorded.out.record),
      normalisation,
      unit,
    });
    const distances = DISTANCE_METRICS.map((metric) => {
      const { wesd_p } = settings;
      const measured = wf.add(
        measureDistances,
        { metric, records, normalisation, wesd_p },
        { id: `distances_${metric}` },
      );
      wf.publish(measured.out.table, `distances_${metric}.tsv`);
      wf.publish(measured.out.sidecar, `distances_${metric}.json`);
      return measured.out.table;
    });
    const column = groupColumn(table, chosen.group_column);
    if (table !== null && column !== null) {
      const compared = wf.add(compareGroups, {
        records,
        distances,
        metrics: [...DISTANCE_METRICS],
        participants: inputFile(table.path),
        column,
        covariates: chosen.covariates,
        groups: chosen.groups,
        permutations: chosen.permutations,
      });
      wf.publish(compared.out.features, 'group_comparison.tsv');
      wf.publish(compared.out.distances, 'group_distances.tsv');
      wf.publish(compared.out.sidecar, 'group_comparison.json');
    }
    if (chosen.parcellation !== null) {
      addRegions(wf, chosen.parcellation, {
        chosen,
        settings,
        surfaces,
        inputDir,
        label,
        mesh,
        solved: solved.out,
        range: scales.out.range,
        described: new Map(described.map(({ id, out }) => [id, out])),
        memory,
        published,
        study: table === null || column === null ? null : { table: inputFile(table.path), column },
      });
    }
    if (chosen.bayesian !== null) {
      const { table: which, ...settingsOfFit } = chosen.bayesian;
      addBayesianGroup(wf, collected.out[which], table!, settingsOfFit, context.cpus);
    }
    if (chosen.plots) {
      const plotted = wf.add(plotCohort, {
        records,
        distances,
        metrics: [...DISTANCE_METRICS],
        participants: table === null ? null : inputFile(table.path),
        column,
      });
      wf.publish(plotted.out.charts, 'plots');
    }
    wf.publish(solved.out.eigenvalues, published('_eigenvalues.tsv'));
    if (chosen.eigenvectors) wf.publish(solved.out.eigenvectors, published('_eigenvectors.npy'));
    wf.publish(recorded.out.quality, published('_quality.json'));
    wf.publish(scales.out.scales, 'scales.json');
    wf.publish(collected.out.surfaces, 'surfaces.tsv');
    wf.publish(collected.out.descriptors, 'descriptors.tsv');
    wf.publish(collected.out.shapedna, 'shapedna.tsv');
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeSpectra(results);
  }
}

function repairsOf({ repair }: SpectralDescriptorsConfig): MeshRepair[] {
  if (typeof repair !== 'string') return [...repair];
  return repair === 'safe' ? [...SAFE_REPAIRS] : [];
}

/** What a descriptor reads; the rest stays at its default, so that a change of it costs no reuse. */
function settingsFor(id: keyof typeof DESCRIPTORS, settings: DescriptorSettings): DescriptorSettings {
  const own = new Set(['normalisation', ...DESCRIPTORS[id].parameters]);
  const used = Object.fromEntries(Object.entries(settings).filter(([key]) => own.has(key)));
  return DescriptorSettings.parse(used);
}

/** The values of an object that a schema names. */
function picked(shape: object, values: object): unknown {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in shape));
}

/** Of the largest surface, from its bytes: a vertex and its two triangles have 36 bytes or more in a file. */
function memoryFor(found: readonly StudySurface[], k: number): number {
  const largest = Math.max(
    0,
    ...found.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.size ?? 0),
  );
  const vertices = Math.min(largest / 36, 1_000_000);
  return Math.ceil(2 * (0.75 + (vertices * (24 * k + 4000)) / 2 ** 30)) / 2;
}
