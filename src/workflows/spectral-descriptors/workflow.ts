import { statSync } from 'node:fs';

import { Workflow } from '../../engine/builder.js';
import type { Mapped } from '../../engine/handle.js';
import { inputFile, type FileOf } from '../../engine/port.js';
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
import { describeDrawing } from '../../nodes/spectral/describe-drawing.js';
import { drawSurface } from '../../nodes/spectral/draw-surface.js';
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
import { chosenSurfaces, DRAWN, findSurfaces, type StudySurface } from './surfaces.js';

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
    const { segmentation } = chosen;
    const all = await findSurfaces(inputDir, chosen.surfaces, table, null, segmentation);
    const found = chosenSurfaces(all, context.participants, inputRoot(inputDir));
    const settings = picked(DescriptorSettings.shape, chosen) as DescriptorSettings;
    const { min_surfaces: minItems, unit, shapedna_normalisation: normalisation, k } = chosen;
    const memory = { resources: { memoryGb: memoryFor(found, k) } };
    // With fewer surfaces than processors several threads share each spectrum.
    const cpus = Math.max(1, Math.floor(context.cpus / Math.max(1, found.length)));
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    const published = (suffix: string) => (id: string) => `${nameOf.get(id)}${suffix}`;

    const wf = new Workflow('spectral_descriptors');
    const surfaces = wf.items(found, { key: ({ id }) => id });
    const sourceOf = ({ path }: StudySurface): string =>
      sourceName(path, { ...context, inputDir: inputRoot(inputDir) });
    const drawn = addDrawn(wf, found, segmentation, sourceOf, published);
    const geometry = surfaces.select(({ id, path, labels }) =>
      labels === null ? inputFile(path) : wf.pick(drawn!.surface, id),
    );
    const cleaned = wf.map(cleanSurface, { surface: geometry, repair: repairsOf(chosen) }, memory);
    const mesh = {
      vertices: cleaned.out.vertices,
      faces: cleaned.out.faces,
      vertex_map: cleaned.out.vertex_map,
    };
    const { operator, mass, boundary, solver, degenerate_triangles } = chosen;
    const solved = wf.map(
      solveEigenpairs,
      {
        ...mesh,
        k,
        settings: { operator, mass, boundary, solver, degenerate_triangles },
        neighbours: chosen.point_neighbours,
      },
      { resources: { cpus, memoryGb: memoryFor(found, k, cpus) } },
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
            eigen: isOfSpectrum ? solved.out.report : null,
            areas: isOfSpectrum ? solved.out.areas : null,
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
            geometry,
            mesh,
            solved: solved.out,
            memory,
            published,
          });
    const recorded = wf.map(recordSurface, {
      label,
      source: surfaces.select(sourceOf),
      diagnosis: cleaned.out.diagnosis,
      drawn: surfaces.select(({ id, labels }) => (labels === null ? null : wf.pick(drawn!.sidecar, id))),
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
        geometry,
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

/** Surfaces of labels, drawn and published; null where every surface is a file of its own. */
function addDrawn(
  wf: Workflow,
  found: readonly StudySurface[],
  segmentation: SpectralDescriptorsConfig['segmentation'],
  sourceOf: (surface: StudySurface) => string,
  published: (suffix: string) => (id: string) => string,
): { readonly surface: Mapped<FileOf<'any'>>; readonly sidecar: Mapped<FileOf<'json'>> } | null {
  const labelled = found.flatMap((surface) =>
    surface.labels === null ? [] : [{ ...surface, labels: [...surface.labels] }],
  );
  if (segmentation === null || labelled.length === 0) return null;
  const regions = wf.items(labelled, { key: ({ id }) => id });
  const { smoothing, cycles } = segmentation;
  const drawn = wf.map(
    drawSurface,
    {
      volume: regions.select(({ path }) => inputFile(path)),
      labels: regions.select(({ labels }) => labels),
      smoothing,
      cycles,
    },
    { resources: { memoryGb: 2 } },
  );
  const described = wf.map(describeDrawing, {
    drawing: drawn.out.drawing,
    source: regions.select(sourceOf),
  });
  wf.publish(drawn.out.surface, published(DRAWN));
  wf.publish(described.out.sidecar, published(DRAWN.replace(/\..*/, '.json')));
  return { surface: drawn.out.surface, sidecar: described.out.sidecar };
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

/** Of the largest surface. */
function memoryFor(found: readonly StudySurface[], k: number, threads = 1): number {
  const vertices = Math.max(0, ...found.map(verticesOf));
  return Math.ceil(2 * (0.75 + (vertices * (24 * k + 4000 + 2000 * (threads - 1))) / 2 ** 30)) / 2;
}

/** Of a subcortical structure at 1 mm, with room; a larger one that runs out of memory is tried again with more. */
const DRAWN_VERTICES = 30_000;

/** From the bytes of a file: a vertex and its two triangles have 36 or more. */
function verticesOf({ path, labels }: StudySurface): number {
  if (labels !== null) return DRAWN_VERTICES;
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return Math.min(bytes / 36, 1_000_000);
}
