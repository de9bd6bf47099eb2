import type { Workflow } from '../../engine/builder.js';
import type { Mapped } from '../../engine/handle.js';
import { inputFile, type FileOf } from '../../engine/port.js';
import { alignModes } from '../../nodes/spectral/align-modes.js';
import { cleanSurface } from '../../nodes/spectral/clean-surface.js';
import { collectAlignments } from '../../nodes/spectral/collect-alignments.js';
import { drawSurface } from '../../nodes/spectral/draw-surface.js';
import { signDifferences } from '../../nodes/spectral/sign-differences.js';
import { solveEigenpairs } from '../../nodes/spectral/solve-eigenpairs.js';
import type { SpectralDescriptorsConfig } from './config.js';
import type { Reference } from './references.js';
import type { StepContext } from './steps.js';
import type { StudySurface } from './surfaces.js';
import type { MeshRepair } from '../../numerics/mesh/settings.js';

interface AlignmentContext extends StepContext {
  /** Of every structure. */
  readonly references: ReadonlyMap<string, Reference>;
  /** What is mended in surfaces of the study. */
  readonly repair: MeshRepair[];
}

/**
 * Modes of every surface brought to those of its reference, and where the surface differs from it.
 *
 * @returns reports of dwks, where it is computed
 */
export function addAlignment(
  wf: Workflow,
  { start, start_size, refine, maps }: NonNullable<SpectralDescriptorsConfig['alignment']>,
  context: AlignmentContext,
): { readonly signature: Mapped<FileOf<'json'>> | null } {
  const { chosen, settings, surfaces, mesh, solved, memory, published } = context;
  const { references, repair } = context;
  const referenceOf = ({ structure }: StudySurface): Reference => references.get(structure)!;
  const { k, mass, operator, boundary, solver, degenerate_triangles } = chosen;

  // A reference that is no surface of the study is solved beside it, once for each file.
  const beside = [
    ...new Map(
      [...references.values()].flatMap((reference) =>
        reference.kind === 'file' ? [[placeOf(reference), reference] as const] : [],
      ),
    ).values(),
  ].sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const fromFiles = new Map(
    beside.map((reference, i) => {
      const suffix = beside.length === 1 ? '' : `_${i + 1}`;
      const { labels } = reference;
      const drawn =
        labels === null
          ? null
          : wf.add(
              drawSurface,
              {
                volume: inputFile(reference.path),
                labels: [...labels],
                smoothing: chosen.segmentation!.smoothing,
                cycles: chosen.segmentation!.cycles,
              },
              { id: `draw_reference${suffix}`, ...memory },
            );
      const cleaned = wf.add(
        cleanSurface,
        {
          surface: drawn === null ? inputFile(reference.path) : drawn.out.surface,
          repair: reference.isOfInput ? repair : [],
        },
        { id: `clean_reference${suffix}`, ...memory },
      );
      const { vertices, faces, vertex_map } = cleaned.out;
      const pairs = wf.add(
        solveEigenpairs,
        {
          vertices,
          faces,
          vertex_map,
          k,
          settings: { operator, mass, boundary, solver, degenerate_triangles },
          neighbours: chosen.point_neighbours,
        },
        { id: `solve_reference${suffix}`, ...memory },
      );
      return [
        placeOf(reference),
        {
          vertices,
          faces,
          vertex_map,
          eigenvalues: pairs.out.eigenvalues,
          eigenvectors: pairs.out.eigenvectors,
          eigen: pairs.out.report,
        },
      ] as const;
    }),
  );
  const all = {
    ...mesh,
    eigenvalues: solved.eigenvalues,
    eigenvectors: solved.eigenvectors,
    eigen: solved.report,
  };
  type Part = keyof typeof all;
  const ofReference = <P extends Part>(part: P) =>
    surfaces.select((surface) => {
      const reference = referenceOf(surface);
      return reference.kind === 'file'
        ? fromFiles.get(placeOf(reference))![part]
        : wf.pick(all[part] as Mapped<never>, reference.id);
    });
  const basis = Math.min(settings.dwks_basis, k);
  const reference = surfaces.select((surface) => referenceOf(surface).name);
  const aligned = wf.map(
    alignModes,
    {
      surface: surfaces.select(({ name }) => name),
      reference,
      ...all,
      reference_vertices: ofReference('vertices'),
      reference_faces: ofReference('faces'),
      reference_vertex_map: ofReference('vertex_map'),
      reference_eigenvalues: ofReference('eigenvalues'),
      reference_eigenvectors: ofReference('eigenvectors'),
      reference_eigen: ofReference('eigen'),
      mass,
      basis,
      settings: { start, start_size, refine },
    },
    memory,
  );
  wf.publish(aligned.out.eigenvectors, published('_aligned.npy'));
  wf.publish(aligned.out.report, published('_alignment.json'));
  if (maps) {
    wf.publish(aligned.out.map, published('_map.npy'));
    wf.publish(aligned.out.correspondence, published('_correspondence.npy'));
  }
  const collected = wf.add(collectAlignments, {
    reports: wf.join(aligned.out.report, { minItems: 1 }),
    energies: settings.dwks_energies,
    factor: settings.dwks_factor,
    plots: chosen.plots,
  });
  wf.publish(collected.out.table, 'alignment.tsv');
  wf.publish(collected.out.sidecar, 'alignment.json');
  if (chosen.plots) {
    wf.publish(collected.out.chart, 'alignment.svg');
    wf.publish(collected.out.chart_spec, 'alignment.vl.json');
  }
  if (!chosen.descriptors.includes('dwks')) return { signature: null };
  const signed = wf.map(
    signDifferences,
    {
      reference,
      vertices: ofReference('vertices'),
      faces: ofReference('faces'),
      vertex_map: ofReference('vertex_map'),
      eigenvalues: ofReference('eigenvalues'),
      eigenvectors: ofReference('eigenvectors'),
      eigen: ofReference('eigen'),
      subject_eigenvalues: solved.eigenvalues,
      subject_eigen: solved.report,
      map: aligned.out.map,
      basis,
      scales: collected.out.scales,
      mass,
      precision: chosen.precision,
      overlay: chosen.overlays,
    },
    { id: 'dwks', ...memory },
  );
  wf.publish(signed.out.values, published('_dwks.npy'));
  wf.publish(signed.out.report, published('_dwks.json'));
  if (chosen.overlays) wf.publish(signed.out.overlay, published('_dwks.func.gii'));
  return { signature: signed.out.report };
}

/** What tells references beside the study apart: the file, and of a volume its labels. */
function placeOf({ path, labels }: Extract<Reference, { kind: 'file' }>): string {
  return labels === null ? path : `${path}:${labels.join(',')}`;
}
