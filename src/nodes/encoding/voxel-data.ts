/** Data of voxels from the formats that are read, before anything is fitted. */
import { ProcessingError } from '../../errors.js';
import {
  readGifti,
  readNifti,
  readNiftiHeader,
  readNpy,
  readNpyHeader,
  readTable,
  type GiftiImage,
  type NiftiHeader,
  type NumericArray,
  type TsvTable,
} from '../../io/index.js';

export type VoxelSource = 'table' | 'array' | 'volume' | 'surface';

/** What is known of data before their values are read. */
export interface VoxelShape {
  readonly source: VoxelSource;
  readonly frames: number;
  /** Of the data; of these a mask takes some. */
  readonly voxels: number;
  /** Volume: its three axes; else the number of voxels. */
  readonly grid: readonly number[];
  /** Repetition time of the header, s; null where there is none. */
  readonly tr: number | null;
}

/** Voxels that are fitted, row per voxel. */
export interface VoxelData {
  readonly shape: VoxelShape;
  /** Voxels x frames. */
  readonly values: Float32Array | Float64Array;
  /** Place of each fitted voxel among all voxels of the data, ascending. */
  readonly places: Int32Array;
  /** Names of the fitted voxels in a table; null: their place. */
  readonly names: readonly string[] | null;
  /** Raw header of a volume, as a template of maps. */
  readonly headerBytes: Uint8Array | null;
}

/** Which kind of file this is, by its name; null for one that is not read. */
export function sourceOf(path: string): VoxelSource | null {
  const name = path.toLowerCase();
  if (/\.nii(\.gz)?$/.test(name)) return 'volume';
  if (name.endsWith('.gii')) return 'surface';
  if (name.endsWith('.npy')) return 'array';
  return /\.(tsv|csv)$/.test(name) ? 'table' : null;
}

/**
 * Shape and repetition time; of volumes and arrays from the header alone.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT and others, naming the file
 */
export async function describeVoxels(path: string): Promise<VoxelShape> {
  switch (sourceOf(path)) {
    case 'volume':
      return volumeShape(readNiftiHeader(path).shape, readNiftiHeader(path), path);
    case 'array':
      return arrayShape((await readNpyHeader(path)).shape, path);
    case 'surface':
      return surfaceShape(await readGifti(path), path);
    case 'table': {
      const table = await readTable(path);
      return tableShape(table, path);
    }
    case null:
      throw wrongFormat(
        path,
        'it is none of .npy, .tsv, .csv, .nii, .nii.gz and .gii',
        'convert it to one of them',
      );
  }
}

/**
 * All voxels, or those where the mask is not 0. Voxels of a volume come in the order of `data[mask]` in NumPy: the last
 * axis fastest.
 *
 * @throws ProcessingError as `describeVoxels`; SHAPE_MISMATCH when the mask has another shape or is empty
 */
export async function readVoxels(path: string, mask: string | null): Promise<VoxelData> {
  const source = sourceOf(path);
  if (source === 'volume') return readVolume(path, mask);
  const { shape, at, names } = await readFlat(path);
  const places = await maskedPlaces(shape, mask);
  const values =
    at.data instanceof Float32Array
      ? new Float32Array(places.length * shape.frames)
      : new Float64Array(places.length * shape.frames);
  places.forEach((place, row) => {
    for (let t = 0; t < shape.frames; t++) values[row * shape.frames + t] = at.value(place, t);
  });
  return {
    shape,
    values,
    places,
    names: names === null ? null : Array.from(places, (place) => names[place]!),
    headerBytes: null,
  };
}

interface Flat {
  readonly shape: VoxelShape;
  readonly at: { readonly data: NumericArray; readonly value: (voxel: number, frame: number) => number };
  readonly names: readonly string[] | null;
}

async function readFlat(path: string): Promise<Flat> {
  switch (sourceOf(path)) {
    case 'array': {
      const { shape, data } = await readNpy(path);
      const known = arrayShape(shape, path);
      return { shape: known, at: { data, value: (v, t) => data[t * known.voxels + v]! }, names: null };
    }
    case 'table': {
      const table = await readTable(path);
      const known = tableShape(table, path);
      const data = tableNumbers(table, path);
      return {
        shape: known,
        at: { data, value: (v, t) => data[t * known.voxels + v]! },
        names: table.columns,
      };
    }
    default: {
      const image = await readGifti(path);
      const known = surfaceShape(image, path);
      const [first] = image.arrays;
      const value =
        image.arrays.length === 1
          ? (v: number, t: number): number => first!.data[v * known.frames + t]!
          : (v: number, t: number): number => image.arrays[t]!.data[v]!;
      return { shape: known, at: { data: first!.data, value }, names: null };
    }
  }
}

async function readVolume(path: string, mask: string | null): Promise<VoxelData> {
  const volume = await readNifti(path);
  const shape = volumeShape(volume.shape, volume.header, path);
  const places = await maskedPlaces(shape, mask);
  const [nx = 1, ny = 1, nz = 1] = shape.grid;
  const { frames } = shape;
  const values =
    volume.data instanceof Float32Array
      ? new Float32Array(places.length * frames)
      : new Float64Array(places.length * frames);
  const size = nx * ny * nz;
  places.forEach((place, row) => {
    const k = place % nz;
    const j = Math.floor(place / nz) % ny;
    const i = Math.floor(place / (nz * ny));
    const from = i + nx * (j + ny * k);
    for (let t = 0; t < frames; t++) values[row * frames + t] = volume.data[from + t * size]!;
  });
  return { shape, values, places, names: null, headerBytes: volume.headerBytes };
}

/**
 * Places where a mask is not 0, last axis fastest; all places without a mask.
 *
 * @throws ProcessingError SHAPE_MISMATCH, and what reading throws
 */
export async function maskedPlaces(shape: VoxelShape, mask: string | null): Promise<Int32Array> {
  if (mask === null) return Int32Array.from({ length: shape.voxels }, (_, place) => place);
  const { grid, data } = await readMask(mask);
  if (grid.length !== shape.grid.length || grid.some((length, axis) => length !== shape.grid[axis])) {
    throw wrongMask(mask, grid, shape);
  }
  const [nx = 1, ny = 1, nz = 1] = shape.grid;
  const isVolume = shape.source === 'volume';
  const inside = (place: number): boolean => {
    if (!isVolume) return data[place] !== 0;
    const k = place % nz;
    const j = Math.floor(place / nz) % ny;
    return data[Math.floor(place / (nz * ny)) + nx * (j + ny * k)] !== 0;
  };
  const places: number[] = [];
  for (let place = 0; place < nx * (isVolume ? ny * nz : 1); place++) if (inside(place)) places.push(place);
  if (places.length === 0) {
    throw new ProcessingError('SHAPE_MISMATCH', `the mask ${mask} is 0 everywhere`, {
      where: mask,
      cure: 'give a mask with voxels that are not 0',
    });
  }
  return Int32Array.from(places);
}

export function wrongMask(mask: string, grid: readonly number[], shape: VoxelShape): ProcessingError {
  return new ProcessingError(
    'SHAPE_MISMATCH',
    `the mask ${mask} is ${grid.join(' x ')}, the data are ${shape.grid.join(' x ')}`,
    { where: mask, cure: 'give a mask on the grid of the data' },
  );
}

async function readMask(path: string): Promise<{ grid: readonly number[]; data: ArrayLike<number> }> {
  switch (sourceOf(path)) {
    case 'volume': {
      const { shape, data } = await readNifti(path);
      return {
        grid: shape.length === 3 ? shape : [...shape, 1, 1].slice(0, Math.max(3, shape.length)),
        data,
      };
    }
    case 'surface': {
      const { arrays } = await readGifti(path);
      if (arrays.length !== 1)
        throw wrongFormat(path, `a mask is one array, it has ${arrays.length}`, 'save one');
      return { grid: arrays[0]!.shape, data: arrays[0]!.data };
    }
    case 'array': {
      const { shape, data } = await readNpy(path);
      return { grid: shape, data };
    }
    default:
      throw wrongFormat(path, 'a mask is NIfTI, GIfTI or npy', 'save it in the format of the data');
  }
}

/** Axes of a mask, from its header alone; null where the whole file must be read for it. */
export async function maskGrid(path: string): Promise<readonly number[] | null> {
  if (sourceOf(path) === 'volume') {
    const { shape } = readNiftiHeader(path);
    return [...shape, 1, 1].slice(0, Math.max(3, shape.length));
  }
  return sourceOf(path) === 'array' ? (await readNpyHeader(path)).shape : null;
}

function volumeShape(axes: readonly number[], header: NiftiHeader, path: string): VoxelShape {
  if (axes.length !== 4) {
    throw wrongFormat(path, `its volume is ${axes.join(' x ')}`, 'give x, y, z and time: four axes');
  }
  const grid = axes.slice(0, 3);
  const frames = axes[3]!;
  return { source: 'volume', frames, voxels: grid[0]! * grid[1]! * grid[2]!, grid, tr: headerTr(header) };
}

/** pixdim[4] in the unit of time that the header names; null where it names none: many writers leave a 1 there. */
function headerTr({ pixdim, headerBytes, version }: NiftiHeader): number | null {
  const step = pixdim[4] ?? 0;
  const units = (version === 1 ? headerBytes[123]! : headerBytes[500]! | headerBytes[503]!) & 0x38;
  const perSecond = { 8: 1, 16: 1e3, 24: 1e6 }[units];
  if (perSecond === undefined) return null;
  const seconds = step / perSecond;
  return seconds > 0 && Number.isFinite(seconds) ? Number(seconds.toPrecision(7)) : null;
}

function arrayShape(shape: readonly number[], path: string): VoxelShape {
  const [frames, voxels, ...more] = shape;
  if (frames === undefined || voxels === undefined || more.length > 0 || frames === 0 || voxels === 0) {
    throw wrongFormat(path, `its shape is (${shape.join(', ')})`, 'save time x voxels: two axes');
  }
  return { source: 'array', frames, voxels, grid: [voxels], tr: null };
}

function tableShape({ columns, rows }: TsvTable, path: string): VoxelShape {
  const numbers = columns.filter((name) => name.trim() !== '' && !Number.isNaN(Number(name)));
  if (numbers.length === columns.length && numbers.some((name) => !/^[0-9]+$/.test(name.trim()))) {
    throw wrongFormat(path, 'its first line holds numbers and no names', 'add a line with a name per voxel');
  }
  if (rows.length === 0) throw wrongFormat(path, 'it has no time points', 'give a row per time point');
  return { source: 'table', frames: rows.length, voxels: columns.length, grid: [columns.length], tr: null };
}

/** Rows x columns; a missing cell is NaN. */
export function tableNumbers({ columns, rows }: TsvTable, path: string): Float64Array {
  const values = new Float64Array(rows.length * columns.length);
  rows.forEach((row, r) => {
    row.forEach((cell, c) => {
      const value =
        cell === null || cell.toLowerCase() === 'nan' ? NaN : Number(cell.trim() === '' ? 'x' : cell);
      if (Number.isNaN(value) && cell !== null && cell.toLowerCase() !== 'nan') {
        const at = `${path}:${r + 2}`;
        throw wrongFormat(
          at,
          `${JSON.stringify(cell)} in column ${columns[c]} is no number`,
          'write n/a where a value is missing',
        );
      }
      values[r * columns.length + c] = value;
    });
  });
  return values;
}

function surfaceShape({ arrays }: GiftiImage, path: string): VoxelShape {
  const [first] = arrays;
  if (first === undefined) throw wrongFormat(path, 'it has no arrays', 'save an array per time point');
  const step = Number(first.metadata['TimeStep'] ?? NaN);
  // Written in ms by most programs; a repetition time of more than 20 is taken as such.
  const seconds = step > 20 ? step / 1000 : step;
  const tr = seconds > 0 ? seconds : null;
  const [voxels = 0, frames] = first.shape;
  if (arrays.length === 1 && first.shape.length === 2) {
    return { source: 'surface', frames: frames!, voxels, grid: [voxels], tr };
  }
  const odd = arrays.find(({ shape }) => shape.length !== 1 || shape[0] !== voxels);
  if (odd !== undefined) {
    throw wrongFormat(
      path,
      `an array is ${odd.shape.join(' x ')}, the first ${first.shape.join(' x ')}`,
      'save one array of all vertices per time point',
    );
  }
  return { source: 'surface', frames: arrays.length, voxels, grid: [voxels], tr };
}

function wrongFormat(where: string, what: string, cure: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${where} cannot be read as data of voxels: ${what}`, {
    where,
    cure,
  });
}
