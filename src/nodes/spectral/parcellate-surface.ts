import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import {
  ATLAS_SCHEMES,
  labelTable,
  networkInName,
  readLabelNames,
  readParcellation,
  readSurface,
  writeGifti,
  writeNpy,
  writeTsv,
} from '../../io/index.js';
import { groupNames } from '../../numerics/descriptors/regions.js';
import { meshGeometry } from '../../numerics/mesh/geometry.js';
import { readMesh, readVertexMap } from './mesh-files.js';
import { REGION_COLUMNS } from './region-table.js';
import { withoutPath } from './without-path.js';

const SCHEMES = ATLAS_SCHEMES.map(({ id }) => id) as [string, ...string[]];

/** The regions of a surface. A file that is missing or of another surface costs this surface its regions only. */
export const parcellateSurface = defineNode({
  name: 'parcellate_surface',
  version: 3,
  inputs: {
    /** As it was given: regions are of its vertices. */
    surface: port.file('any'),
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    /** One parcellation, or labels that are a region each. */
    files: port.list(port.file('any')),
    /** Names of regions that are a label file each, in the order of `files`; a file says what is in it, not its name. */
    names: port.value(z.array(z.string())),
    /** Names of numbers. */
    lookup: port.optional(port.file('any')),
    settings: port.value(
      z.strictObject({
        /** Its table of names counts where there is one, and numbers outside of it are no regions. */
        atlas: z.enum(SCHEMES).nullable(),
        /** Names of regions that are left out, in any case; `*` for any letters. */
        ignore: z.array(z.string()),
        /** Fewest vertices of a region. */
        min_vertices: z.int(),
        /** `names`: as the names of Schaefer's parcels say. */
        networks: z.union([z.literal('names'), z.record(z.string(), z.array(z.string()))]).nullable(),
        reach_mm: z.number(),
      }),
    ),
    overlay: port.value(z.boolean()),
  },
  outputs: {
    /** (n): region of each vertex of the mended mesh, -1 for none. */
    labels: port.file('npy'),
    /** id, region, network, vertices, area. */
    regions: port.file('tsv'),
    overlay: port.optional(port.file('gifti')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ surface, files, names: labelNames, lookup, settings, overlay, ...mesh }, ctx) {
    try {
      const given = await readSurface(surface.path);
      const table = settings.atlas === null ? null : labelTable(settings.atlas as never);
      const names = lookup === null ? (table ?? undefined) : await readLabelNames(lookup.path);
      const found = await readParcellation(
        files.map(({ path }) => path),
        { surface: given, reachMm: settings.reach_mm, labelNames, ...(names === undefined ? {} : { names }) },
      );
      const { vertices, faces } = await readMesh(mesh);
      if (faces.length === 0)
        return ctx.skip('no regions: they need triangles, and the file has points only');
      const map = await readVertexMap(mesh.vertex_map);
      const labels = new Int32Array(vertices.length / 3).fill(-1);
      found.labels.forEach((label, vertex) => {
        const at = map === null ? vertex : map[vertex]!;
        // Of vertices that were merged, one without a region says nothing of the others.
        if (at >= 0 && label >= 0) labels[at] = label;
      });
      const ignored = groupNames(
        found.regions.map(({ name }) => name),
        { ignored: settings.ignore },
      );
      const areas = meshGeometry(vertices, faces).barycentricAreas;
      const size = new Map<number, { vertices: number; area: number }>();
      labels.forEach((label, vertex) => {
        const own = size.get(label) ?? { vertices: 0, area: 0 };
        own.vertices++;
        own.area += areas[vertex]!;
        size.set(label, own);
      });
      const kept = found.regions.filter(
        ({ id }, i) =>
          ignored[i] === null &&
          (table === null || lookup !== null || table.has(id)) &&
          (size.get(id)?.vertices ?? 0) >= settings.min_vertices,
      );
      if (kept.length === 0) {
        return ctx.skip(
          `no region of ${files[0]?.relPath} has ${settings.min_vertices} vertices of the surface`,
        );
      }
      const isKept = new Set(kept.map(({ id }) => id));
      for (let i = 0; i < labels.length; i++) if (!isKept.has(labels[i]!)) labels[i] = -1;
      const networks = networksOf(
        kept.map(({ name }) => name),
        settings.networks,
      );
      const out = {
        labels: ctx.outputFile('labels.npy'),
        regions: ctx.outputFile('regions.tsv'),
        ...(overlay ? { overlay: ctx.outputFile('parcellation.label.gii') } : {}),
      };
      await writeNpy(out.labels, { shape: [labels.length], data: labels });
      await writeTsv(
        out.regions,
        REGION_COLUMNS,
        kept.map(({ id, name }, i) => [
          id,
          name,
          networks[i] ?? null,
          size.get(id)!.vertices,
          size.get(id)!.area,
        ]),
      );
      if (out.overlay !== undefined) {
        // 0 is no region in such files: every region gets its row in the table, from 1.
        const row = new Map(kept.map(({ id }, i) => [id, i + 1]));
        const data = found.labels.map((label) => row.get(label) ?? 0);
        await writeGifti(out.overlay, {
          arrays: [{ intent: 'LABEL', shape: [data.length], data, metadata: { Name: 'parcellation' } }],
          labels: [
            { key: 0, name: '???', rgba: [0, 0, 0, 0] },
            ...kept.map(({ name, rgb }, i) => ({ key: i + 1, name, rgba: colour(rgb, i) })),
          ],
        });
      }
      return out;
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      const text = [surface, ...files, ...(lookup === null ? [] : [lookup])].reduce(
        (message, file) => withoutPath(message, file),
        error.message,
      );
      return ctx.skip(`no regions: ${text}`);
    }
  },
});

function networksOf(
  names: readonly string[],
  rules: 'names' | Readonly<Record<string, readonly string[]>> | null,
): (string | null)[] {
  if (rules === null) return names.map(() => null);
  return rules === 'names' ? names.map(networkInName) : groupNames(names, rules);
}

/** The colour of the file, or one by the position: golden angles apart. */
function colour(rgb: readonly [number, number, number] | null, i: number): [number, number, number, number] {
  if (rgb !== null) return [rgb[0] / 255, rgb[1] / 255, rgb[2] / 255, 1];
  const channel = (shift: number): number =>
    Number((0.55 + 0.4 * Math.cos(2 * Math.PI * (i * 0.381966 + shift))).toFixed(3));
  return [channel(0), channel(1 / 3), channel(2 / 3), 1];
}
