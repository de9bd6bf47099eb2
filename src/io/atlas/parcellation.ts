import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { ProcessingError } from '../../errors.js';
import { parseAnnotation } from '../geometry/freesurfer-annot.js';
import { parseVertexLabel } from '../geometry/freesurfer-label.js';
import { parseFreesurferMorph } from '../geometry/freesurfer-morph.js';
import { malformed } from '../geometry/byte-reader.js';
import { detectGeometryFormat, GeometryFormat, geometryFormatName } from '../geometry/geometry-format.js';
import type { Surface } from '../geometry/surface.js';
import { parseGifti } from '../gifti.js';
import { readWhole } from '../gzip.js';
import { readMgh } from '../mgh.js';
import { affineDeterminant, voxelSizeOf, type Affine } from '../nifti-affine.js';
import { readNifti } from '../nifti-read.js';
import { readNpy } from '../npy.js';
import { readError } from '../storage-error.js';
import { parseTsv } from '../tsv.js';

/** A region of a parcellation. */
export interface ParcelRegion {
  /** Position in the colour table of an annotation, key of a GIfTI label, or number of the voxels. */
  readonly id: number;
  readonly name: string;
  /** Red, green, blue, 0 to 255; null where the file has none. */
  readonly rgb: readonly [number, number, number] | null;
}

/** Regions of a surface. */
export interface Parcellation {
  /** (n): id of the region of each vertex; -1: in none. */
  readonly labels: Int32Array;
  /** Those that occur, ascending. */
  readonly regions: readonly ParcelRegion[];
}

/** Options of {@link readParcellation}. */
export interface ParcellationOptions {
  /** The surface that is parcellated: its vertices are counted, and are where a volume is sampled. */
  readonly surface: Pick<Surface, 'vertices' | 'cRas'>;
  /** Names of numbers, for files that have none; they come before those of the file. */
  readonly names?: ReadonlyMap<number, string>;
  /** Names of regions that are a FreeSurfer label each, one per file; else the names of the files. */
  readonly labelNames?: readonly string[];
  /** A vertex outside of every label of a volume takes the nearest within this distance, mm. */
  readonly reachMm?: number;
}

/**
 * Reads the regions of a surface: an annotation, a GIfTI label file, whole numbers per vertex (GIfTI, FreeSurfer values,
 * npy), a volume of labels in the same space (NIfTI, MGH), or several FreeSurfer labels, each a region named as its file.
 *
 * @throws ProcessingError SHAPE_MISMATCH for another number of vertices, FILE_FORMAT, and as the readers of the files
 */
export async function readParcellation(
  paths: readonly string[],
  { surface, names = new Map<number, string>(), labelNames, reachMm = 3 }: ParcellationOptions,
): Promise<Parcellation> {
  const [first] = paths;
  if (first === undefined) throw new TypeError('readParcellation needs a file');
  const format = await detectGeometryFormat(first);
  if (format === GeometryFormat.FREESURFER_LABEL) {
    return fromLabelFiles(paths, surface.vertices.length / 3, labelNames ?? paths.map(labelName));
  }
  if (paths.length > 1) {
    throw malformed(
      first,
      `it is one of ${paths.length} files, but only FreeSurfer labels are regions of one each`,
      'name one file',
    );
  }
  const found = await readOne(first, format, surface, reachMm);
  if (found.labels.length !== surface.vertices.length / 3) {
    throw wrongSize(first, found.labels.length, surface.vertices.length / 3);
  }
  const known = new Map(found.regions.map((region) => [region.id, region]));
  const there = [...new Set(found.labels)].filter((id) => id >= 0).sort((a, b) => a - b);
  return {
    labels: found.labels,
    regions: there.map((id) => ({
      id,
      name: names.get(id) ?? (known.get(id)?.name || `region-${id}`),
      rgb: known.get(id)?.rgb ?? null,
    })),
  };
}

async function readOne(
  path: string,
  format: GeometryFormat,
  surface: ParcellationOptions['surface'],
  reachMm: number,
): Promise<Parcellation> {
  switch (format) {
    case GeometryFormat.FREESURFER_ANNOT: {
      const { regions, entries } = parseAnnotation(await readWhole(path), path);
      return {
        labels: regions,
        regions: entries.map(({ name, rgbt }, id) => ({ id, name, rgb: [rgbt[0], rgbt[1], rgbt[2]] })),
      };
    }
    case GeometryFormat.GIFTI_LABEL:
    case GeometryFormat.GIFTI_FUNC: {
      const { arrays, labels } = parseGifti((await readWhole(path)).toString('utf8'), path);
      const array = arrays.find(({ intent }) => intent === 'LABEL') ?? arrays[0];
      if (array === undefined) throw malformed(path, 'it holds no array', 'give a .label.gii file');
      return {
        labels: wholeNumbers(array.data, path),
        regions: labels.map(({ key, name, rgba }) => ({
          id: key,
          name,
          rgb: rgba && [Math.round(255 * rgba[0]), Math.round(255 * rgba[1]), Math.round(255 * rgba[2])],
        })),
      };
    }
    case GeometryFormat.FREESURFER_MORPH:
      return { labels: wholeNumbers(parseFreesurferMorph(await readWhole(path), path), path), regions: [] };
    case GeometryFormat.NUMPY: {
      const { data, shape } = await readNpy(path);
      if (shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) {
        throw malformed(path, `it has shape (${shape.join(', ')})`, 'give one number per vertex, shape (n)');
      }
      return { labels: wholeNumbers(data, path), regions: [] };
    }
    case GeometryFormat.NIFTI_VOLUME:
    case GeometryFormat.MGZ_VOLUME: {
      const volume = format === GeometryFormat.MGZ_VOLUME ? await readMgh(path) : await readNifti(path);
      return { labels: sampledLabels(volume, surface, reachMm, path), regions: [] };
    }
    default:
      throw malformed(
        path,
        `it is ${geometryFormatName(format)}, which holds no regions`,
        'give an annotation (.annot), labels (.label.gii, .label), whole numbers per vertex, or a volume of labels',
      );
  }
}

function wholeNumbers(values: ArrayLike<number>, path: string): Int32Array {
  return Int32Array.from({ length: values.length }, (_, i) => {
    const value = values[i]!;
    if (Number.isNaN(value)) return -1;
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
    throw malformed(path, `vertex ${i} has the value ${value}`, 'give whole numbers: a region per vertex');
  });
}

/** What a FreeSurfer label is called by its file: `lh.BA44_exvivo.label` is `lh.BA44_exvivo`. */
export function labelName(path: string): string {
  return basename(path).replace(/\.label(\.gz)?$/, '');
}

async function fromLabelFiles(
  paths: readonly string[],
  n: number,
  names: readonly string[],
): Promise<Parcellation> {
  const labels = new Int32Array(n).fill(-1);
  const regions: ParcelRegion[] = [];
  for (const [id, path] of paths.entries()) {
    const format = await detectGeometryFormat(path);
    if (format !== GeometryFormat.FREESURFER_LABEL) {
      throw malformed(path, `it is ${geometryFormatName(format)} among labels`, 'name labels only');
    }
    let members = 0;
    for (const vertex of parseVertexLabel(await readWhole(path), path).indices) {
      if (vertex >= n) {
        throw new ProcessingError('SHAPE_MISMATCH', `${path} names vertex ${vertex} of a surface with ${n}`, {
          where: path,
          cure: 'give the labels of this surface',
        });
      }
      if (vertex < 0) continue;
      const other = labels[vertex]!;
      if (other >= 0 && other !== id) {
        throw malformed(
          path,
          `vertex ${vertex} is in ${regions[other]?.name} too`,
          'give labels that do not overlap',
        );
      }
      labels[vertex] = id;
      members++;
    }
    regions.push({ id, name: names[id] ?? labelName(path), rgb: null });
    if (members === 0) throw malformed(path, 'it holds no vertex', 'leave it out');
  }
  return { labels, regions };
}

function wrongSize(path: string, found: number, n: number): ProcessingError {
  return new ProcessingError('SHAPE_MISMATCH', `${path} is of ${found} vertices, the surface has ${n}`, {
    where: path,
    cure: 'give the parcellation of this surface: same subject, same hemisphere, same resolution',
  });
}

interface LabelVolume {
  readonly shape: readonly number[];
  readonly affine: Affine;
  readonly data: ArrayLike<number>;
}

/**
 * The label at each vertex, or the nearest one within reach; -1 where there is none. Voxels of 0 are background.
 *
 * @throws ProcessingError AFFINE_SINGULAR
 */
function sampledLabels(
  { shape, affine, data }: LabelVolume,
  { vertices, cRas = [0, 0, 0] }: ParcellationOptions['surface'],
  reachMm: number,
  path: string,
): Int32Array {
  const [nx, ny, nz] = [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1];
  // Refuses what has no inverse.
  const sides = voxelSizeOf(affine, path);
  const inverse = inverse3(affine);
  const reach = sides.map((side) => Math.ceil(reachMm / side));
  const labels = new Int32Array(vertices.length / 3).fill(-1);
  for (let v = 0; v < labels.length; v++) {
    const world = [0, 1, 2].map((d) => vertices[3 * v + d]! + cRas[d]! - affine[4 * d + 3]!);
    const at = [0, 1, 2].map(
      (r) => inverse[3 * r]! * world[0]! + inverse[3 * r + 1]! * world[1]! + inverse[3 * r + 2]! * world[2]!,
    );
    const middle = at.map(Math.round);
    const own = valueAt(middle[0]!, middle[1]!, middle[2]!);
    if (own > 0) {
      labels[v] = own;
      continue;
    }
    let best = reachMm * reachMm;
    for (let k = middle[2]! - reach[2]!; k <= middle[2]! + reach[2]!; k++) {
      for (let j = middle[1]! - reach[1]!; j <= middle[1]! + reach[1]!; j++) {
        for (let i = middle[0]! - reach[0]!; i <= middle[0]! + reach[0]!; i++) {
          const label = valueAt(i, j, k);
          if (label <= 0) continue;
          const steps = [i - at[0]!, j - at[1]!, k - at[2]!];
          let squares = 0;
          for (let d = 0; d < 3; d++) {
            squares +=
              (affine[4 * d]! * steps[0]! +
                affine[4 * d + 1]! * steps[1]! +
                affine[4 * d + 2]! * steps[2]!) **
              2;
          }
          if (squares > best || (squares === best && labels[v]! >= 0)) continue;
          best = squares;
          labels[v] = label;
        }
      }
    }
  }
  return labels;

  function valueAt(i: number, j: number, k: number): number {
    if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) return 0;
    return Math.round(data[i + nx * (j + ny * k)]!);
  }
}

/** Inverse of the upper left 3 x 3 part. */
function inverse3(m: Affine): number[] {
  const [a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0] = m;
  const determinant = affineDeterminant(m);
  return [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ].map((value) => value / determinant);
}

/**
 * Names of label numbers: a colour table of FreeSurfer (`FreeSurferColorLUT.txt`, `.ctab`: number, name, colours), or a table
 * with columns `index` and `name` as BIDS has them.
 *
 * @throws ProcessingError FILE_FORMAT naming the line, FILE_MISSING
 */
export async function readLabelNames(path: string): Promise<Map<number, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  const header = text.split(/\r?\n/, 1)[0]!.split('\t');
  const [number, name] = [/^(index|id|key|label_id)$/i, /^(name|label|region)$/i].map((rule) =>
    header.findIndex((word) => rule.test(word.trim())),
  ) as [number, number];
  const names = new Map<number, string>();
  if (number >= 0 && name >= 0) {
    for (const [i, row] of parseTsv(text, path).rows.entries()) {
      const id = Number(row[number]);
      if (!Number.isInteger(id)) {
        throw malformed(path, `line ${i + 2} has the index ${row[number]}`, 'give whole numbers');
      }
      names.set(id, row[name] ?? '');
    }
    return names;
  }
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    const id = Number(words[0]);
    if (!Number.isInteger(id) || words.length < 2) {
      throw malformed(
        path,
        `line ${i + 1} is not "number name ...": ${JSON.stringify(line)}`,
        'give FreeSurferColorLUT.txt, or a table with columns index and name',
      );
    }
    names.set(id, words[1]!);
  }
  return names;
}
