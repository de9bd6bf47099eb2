import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpy, writeAtomic, writeTsv } from '../../io/index.js';
import { scalesOf } from '../../numerics/descriptors/cohort-scales.js';
import {
  descriptorConnectome,
  networkSummary,
  spectralConnectome,
  type RegionMatrix,
} from '../../numerics/descriptors/connectome.js';
import { symmetricDistances } from '../../numerics/descriptors/distance-matrix.js';
import { regionPiece } from '../../numerics/descriptors/regions.js';
import { unitText } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { areaNormalised, wholeSpectrum } from '../../numerics/descriptors/signatures.js';
import { shapeDna, shapeDnaDistance } from '../../numerics/descriptors/spectral-distances.js';
import { meshGeometry } from '../../numerics/mesh/geometry.js';
import { laplaceBeltrami } from '../../numerics/spectral/laplace-beltrami.js';
import { VERSION } from '../../version.js';
import { SpectrumRangePort } from './choose-scales.js';
import { EigenReport, OperatorSettings } from './eigen-report.js';
import { asMended, readEigenvalues, readMesh, readVertexMap } from './mesh-files.js';
import type { REGION_DISTANCES } from './region-distances.js';
import { readRegionLabels, readRegions, type RegionRow } from './region-table.js';
import { DescriptorReport, finiteOrNull } from './surface-record.js';

/** Every two regions of a surface compared: by distances on it, by their descriptors, or by the spectra of their pieces. */
export const connectRegions = defineNode({
  name: 'connect_regions',
  version: 2,
  inputs: {
    /** A distance, `shapedna`, or the descriptor that `values` holds. */
    by: port.value(z.string()),
    labels: port.file('npy'),
    regions: port.file('tsv'),
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    eigenvalues: port.optional(port.file('tsv')),
    eigenvectors: port.optional(port.file('npy')),
    /** Of them, an `EigenReport`. */
    eigen: port.optional(port.file('json')),
    range: port.optional(port.value(SpectrumRangePort)),
    values: port.optional(port.file('npy')),
    report: port.optional(port.file('json')),
    settings: port.value(
      z.strictObject({
        /** Of distances: root mean square over pairs of vertices, or between the means of regions. */
        between: z.enum(['rms', 'centroid']),
        /** Of descriptors. */
        profile: z.enum(['euclidean', 'cosine', 'correlation']),
        /** Eigenvalues above 0 of each piece, for shapedna. */
        region_k: z.int(),
        operator: OperatorSettings,
        descriptors: DescriptorSettings,
      }),
    ),
    unit: port.value(z.string()),
  },
  outputs: {
    /** Square, with the names of the regions. */
    matrix: port.file('tsv'),
    sidecar: port.file('json'),
    /** Means between networks; absent where fewer than two are named. */
    networks: port.optional(port.file('tsv')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ by, settings, unit, ...inputs }, ctx) {
    const { vertices, faces } = await readMesh(inputs);
    const map = await readVertexMap(inputs.vertex_map);
    const labels = await readRegionLabels(inputs.labels);
    const regions = await readRegions(inputs.regions);
    const { area, barycentricAreas } = meshGeometry(vertices, faces);
    const isScaled = settings.descriptors.normalisation === 'area';
    const parameters: Record<string, unknown> = {};
    const notes: string[] = [];
    let units = '1';
    let found: RegionMatrix;
    if (inputs.values !== null && inputs.report !== null) {
      const report = DescriptorReport.parse(JSON.parse(await readFile(inputs.report.path, 'utf8')));
      const { columns } = report;
      const values = asMended(
        Float64Array.from((await readNpy(inputs.values.path)).data),
        columns.length,
        map,
        labels.length,
      );
      parameters['profile'] = settings.profile;
      parameters['columns'] = columns.length;
      if (columns.length === 1 && settings.profile !== 'euclidean') {
        return ctx.skip(
          `${by} has one column: a ${settings.profile} of one number says nothing; set profile to euclidean`,
        );
      }
      // Of columns in several units the sum of squares has none.
      if (settings.profile === 'euclidean' && new Set(report.units).size === 1) units = report.units[0]!;
      found = descriptorConnectome(values, labels, barycentricAreas, settings.profile);
    } else if (by === 'shapedna') {
      parameters['region_k'] = settings.region_k;
      found = pieceDistances(vertices, faces, labels, regions, { ...settings, threads: ctx.cpus }, notes);
    } else if (inputs.eigenvalues !== null && inputs.eigenvectors !== null && inputs.eigen !== null) {
      const eigenvalues = await readEigenvalues(inputs.eigenvalues);
      const vectors = (await readNpy(inputs.eigenvectors.path)).data as Float64Array;
      const raw = wholeSpectrum({
        eigenvalues,
        eigenvectors: asMended(vectors, eigenvalues.length, map, labels.length),
        certificate: EigenReport.parse(JSON.parse(await readFile(inputs.eigen.path, 'utf8'))).certificate,
      });
      const spectrum = isScaled ? areaNormalised(raw, area) : raw;
      const kind = by as (typeof REGION_DISTANCES)[number];
      const time =
        kind === 'diffusion' && inputs.range !== null
          ? scalesOf(inputs.range, settings.descriptors).diffusionTime
          : 0;
      const distance = kind === 'diffusion' ? { kind, time } : { kind };
      if (kind === 'diffusion') parameters['time'] = time;
      parameters['k'] = raw.eigenvalues.length;
      parameters['between'] = settings.between;
      const power = { biharmonic: 1, commute_time: 0, diffusion: -1 }[kind];
      units = unit === '1' ? '1' : unitText(power, isScaled).replace(/^mm/, unit);
      found = spectralConnectome(spectrum, labels, barycentricAreas, distance, settings.between);
    } else return ctx.skip(`${by} does not apply to this surface`);
    for (const note of notes) ctx.log.warn(note);
    const names = regions.map(({ region }) => region);
    const r = names.length;
    const row = (values: Float64Array, i: number, count: number): number[] =>
      Array.from(values.subarray(i * count, (i + 1) * count));
    const matrix = ctx.outputFile('connectome.tsv');
    const sidecar = ctx.outputFile('connectome.json');
    await writeTsv(
      matrix,
      ['region', ...names],
      names.map((name, i) => [name, ...row(found.values, i, r)]),
    );
    const summary = networkSummary(
      found,
      regions.map(({ network }) => network),
    );
    const content = {
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      by,
      parameters: { normalisation: settings.descriptors.normalisation, ...parameters },
      Units: units,
      regions: regions.map(({ id, region, network }, i) => ({
        id,
        region,
        network,
        mean_to_others: finiteOrNull(summary.regionMeans[i]!),
      })),
      notes,
    };
    await writeAtomic(sidecar, `${JSON.stringify(content, null, 2)}\n`);
    const count = summary.networks.length;
    if (count < 2) return { matrix, sidecar };
    const networks = ctx.outputFile('networks.tsv');
    await writeTsv(
      networks,
      ['network', 'regions', 'segregation', ...summary.networks],
      summary.networks.map((name, i) => [
        name,
        regions.filter(({ network }) => network === name).length,
        summary.segregation[i]!,
        ...row(summary.blockMeans, i, count),
      ]),
    );
    return { matrix, sidecar, networks };
  },
});

/** Distances between the spectra of the pieces that the regions are, each scaled to area 1. */
function pieceDistances(
  vertices: Float64Array,
  faces: Int32Array,
  labels: Int32Array,
  regions: readonly RegionRow[],
  {
    region_k: count,
    operator,
    threads,
  }: { readonly region_k: number; readonly operator: OperatorSettings; readonly threads: number },
  notes: string[],
): RegionMatrix {
  const { degenerate_triangles: degenerateTriangles, ...rest } = operator;
  const spectra = regions.map(({ id, region }) => {
    const piece = regionPiece(vertices, faces, labels, id);
    if (piece === null) {
      notes.push(`${region} has no triangle of its own: no spectrum`);
      return null;
    }
    try {
      const n = piece.vertices.length / 3;
      let k = Math.min(count + 1, n);
      for (;;) {
        const pairs = laplaceBeltrami(piece.vertices, piece.faces, {
          ...rest,
          degenerateTriangles,
          k,
          threads,
        });
        const values = shapeDna(pairs.eigenvalues, 'area', { area: pairs.area });
        if (values.length >= count) return values.subarray(0, count);
        if (k === n) break;
        // A region in several parts has as many zero modes.
        k = Math.min(n, k + Math.max(1, count - values.length));
      }
      notes.push(`${region} has ${n} vertices, too few for ${count} eigenvalues: no spectrum`);
      return null;
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      notes.push(`${region}: no spectrum: ${error.message}`);
      return null;
    }
  });
  const values = symmetricDistances(regions.length, (i, j) => {
    const [one, other] = [spectra[i], spectra[j]];
    return one == null || other == null ? NaN : shapeDnaDistance(one, other);
  });
  return { labels: Int32Array.from(regions, ({ id }) => id), values };
}
