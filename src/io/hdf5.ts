/** The one file that knows the HDF5 package: files are opened and read by slab, created and written byte-stable. */
import { randomUUID } from 'node:crypto';
import { existsSync, openSync, readSync, closeSync, renameSync, rmSync, statSync } from 'node:fs';

import type * as Package from 'h5wasm/node';
import type { Dataset, File as PackageFile, Group } from 'h5wasm/node';

import { ProcessingError } from '../errors.js';
import { readError } from './storage-error.js';

/** Types of numbers that are written to HDF5. */
export type Hdf5Array = Float32Array | Float64Array | Int32Array;

/** Numbers with a shape, as they stand in an HDF5 dataset. */
export interface Hdf5Data {
  readonly shape: readonly number[];
  /** C order. */
  readonly data: Hdf5Array;
}

/** What an attribute of an HDF5 object can hold. */
export type Hdf5Attribute = string | readonly string[] | number | Hdf5Data;

/** Attributes larger than this do not fit the file format; such values are stored as datasets of the same name. */
export const ATTRIBUTE_BYTES = 60_000;
/** What a text takes in an attribute. */
const REFERENCE_BYTES = 16;
/** Class of types of text. */
const TEXT_CLASS = 3;
const SIGNATURE = '\u0089HDF\r\n\u001a\n';

/** An open HDF5 file. Paths within it start at the root: `data`, `metadata/n_peaks`. */
export class Hdf5File {
  readonly #file: PackageFile;
  readonly #path: string;
  readonly #temporary: string | null;

  private constructor(file: PackageFile, path: string, temporary: string | null) {
    this.#file = file;
    this.#path = path;
    this.#temporary = temporary;
  }

  /** @throws ProcessingError FILE_MISSING, FILE_FORMAT */
  static async open(path: string): Promise<Hdf5File> {
    checkSignature(path);
    const { File } = await loadPackage();
    try {
      return new Hdf5File(new File(path, 'r'), path, null);
    } catch (error) {
      throw broken(path, 'its structure is damaged', error);
    }
  }

  /** A new file under a temporary name beside `path`; `close` gives it its name, `discard` removes it. */
  static async create(path: string): Promise<Hdf5File> {
    const { File } = await loadPackage();
    const temporary = `${path}.${randomUUID()}.tmp`;
    return new Hdf5File(
      withoutTime(() => new File(temporary, 'w')),
      path,
      temporary,
    );
  }

  /** Names in a group. */
  keys(group = '/'): string[] {
    const entity = group === '/' ? this.#file : this.#file.get(group);
    return entity !== null && 'keys' in entity ? entity.keys() : [];
  }

  /** @throws ProcessingError FILE_FORMAT when there is no numeric dataset of that name */
  read(name: string): Hdf5Data {
    const dataset = this.#dataset(name);
    const value = dataset.value;
    if (!(value instanceof Float32Array || value instanceof Float64Array || value instanceof Int32Array)) {
      if (!ArrayBuffer.isView(value)) throw broken(this.#path, `its dataset ${name} holds no numbers`);
      return {
        shape: dataset.shape ?? [],
        data: Float64Array.from(value as unknown as ArrayLike<number>, Number),
      };
    }
    return { shape: dataset.shape ?? [], data: value };
  }

  /** True for a virtual dataset, whose numbers are in other files, and for a plain one that is larger than its file. */
  isElsewhere(name: string): boolean {
    const { chunks, shape, size, virtual_sources: sources } = this.#dataset(name).metadata;
    if (sources !== undefined && sources.length > 0) return true;
    if (chunks !== null && chunks !== undefined) return false;
    return statSync(this.#path).size < size * (shape ?? []).reduce((product, axis) => product * axis, 1);
  }

  /** Attributes of a dataset. */
  attributesOf(name: string): Record<string, Hdf5Attribute> {
    return valuesOf(this.#dataset(name).attrs);
  }

  /** Shape of a dataset without reading it. */
  shape(name: string): readonly number[] {
    return this.#dataset(name).shape ?? [];
  }

  /** A range per axis, from first to last (excluded), C order. */
  readSlab(name: string, ranges: ReadonlyArray<readonly [number, number]>): Hdf5Array {
    return this.#dataset(name).slice(ranges.map(([from, to]) => [from, to])) as Hdf5Array;
  }

  createDataset(name: string, { shape, data }: Hdf5Data): void {
    withoutTime(() => this.#file.create_dataset({ name, data, shape: [...shape] }));
  }

  /** Texts along one axis, in UTF-8. */
  createTexts(name: string, texts: readonly string[]): void {
    withoutTime(() =>
      this.#file.create_dataset({ name, data: [...texts], shape: [texts.length], dtype: 'S' }),
    );
  }

  /** Yes and no as netCDF-4 and xarray keep them: bytes of 0 and 1, with an attribute that says so. */
  createFlags(name: string, shape: readonly number[], flags: ArrayLike<number>): void {
    withoutTime(() => {
      this.#file.create_dataset({ name, data: Int8Array.from(flags), shape: [...shape] });
      this.#dataset(name).create_attribute('dtype', 'bool');
    });
  }

  /** Makes a dataset the scale of an axis, as netCDF-4 and xarray read it. @param label - name of the axis */
  makeScale(name: string, label: string): void {
    withoutTime(() => this.#dataset(name).make_scale(label));
  }

  /** Names an axis of a dataset by the dataset of a scale. */
  attachScale(name: string, axis: number, scale: string): void {
    withoutTime(() => this.#dataset(name).attach_scale(axis, scale));
  }

  /** Attributes of the root, or of a group, which is made when it is not there. */
  setAttributes(values: Readonly<Record<string, Hdf5Attribute>>, group = '/'): void {
    withoutTime(() => {
      const target = this.#group(group);
      for (const [name, value] of Object.entries(values)) {
        if (typeof value !== 'object') target.create_attribute(name, value);
        else if (!isData(value)) {
          if (REFERENCE_BYTES * value.length <= ATTRIBUTE_BYTES) target.create_attribute(name, [...value]);
          else target.create_dataset({ name, data: [...value], shape: [value.length], dtype: 'S' });
        } else if (value.data.length === 0) continue;
        else if (value.data.byteLength > ATTRIBUTE_BYTES) {
          target.create_dataset({ name, data: value.data, shape: [...value.shape] });
        } else target.create_attribute(name, value.data, [...value.shape]);
      }
    });
  }

  /** What `setAttributes` wrote, also where it became a dataset (in the root: of texts); empty arrays are left out. */
  attributes(group = '/'): Record<string, Hdf5Attribute> {
    if (group !== '/' && this.#file.get(group) === null) return {};
    const target = this.#group(group);
    const found = valuesOf(target.attrs);
    for (const name of target.keys()) {
      const path = group === '/' ? name : `${group}/${name}`;
      const texts = this.#texts(path);
      if (texts !== null) found[name] = texts;
      else if (group !== '/') found[name] = this.read(path);
    }
    return found;
  }

  close(): void {
    withoutTime(() => this.#file.close());
    if (this.#temporary !== null) renameSync(this.#temporary, this.#path);
  }

  /** Closes a file that is not wanted; a new one leaves nothing behind. */
  discard(): void {
    withoutTime(() => this.#file.close());
    if (this.#temporary !== null) rmSync(this.#temporary, { force: true });
  }

  #dataset(name: string): Dataset {
    const parts = name.split('/');
    let group: string[] = this.keys();
    for (const [i, part] of parts.entries()) {
      if (!group.includes(part)) throw broken(this.#path, `it has no dataset ${name}`);
      if (i + 1 < parts.length) group = this.keys(parts.slice(0, i + 1).join('/'));
    }
    const entity = this.#file.get(name);
    if (entity !== null && 'dtype' in entity) return entity as Dataset;
    throw broken(this.#path, `its ${name} is no dataset: a group, or a link to another file or to nowhere`);
  }

  /** A list of texts; null: what stands there is none. */
  #texts(name: string): string[] | null {
    const entity = this.#file.get(name);
    if (entity === null || !('dtype' in entity)) return null;
    const { shape, metadata } = entity;
    if (metadata.type !== TEXT_CLASS || shape?.length !== 1) return null;
    const { value } = entity;
    return Array.isArray(value) ? value.map(String) : null;
  }

  #group(name: string): Group {
    if (name === '/') return this.#file;
    return this.keys().includes(name) ? (this.#file.get(name) as Group) : this.#file.create_group(name);
  }
}

function valuesOf(attributes: Group['attrs']): Record<string, Hdf5Attribute> {
  const found: Record<string, Hdf5Attribute> = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = attribute.value;
    // Whole numbers of 64 bits, which Python writes.
    if (typeof value === 'bigint') found[name] = Number(value);
    else if (value instanceof BigInt64Array || value instanceof BigUint64Array) {
      found[name] = { shape: attribute.shape ?? [], data: Float64Array.from(value, Number) };
    } else if (ArrayBuffer.isView(value))
      found[name] = { shape: attribute.shape ?? [], data: value as Hdf5Array };
    else if (Array.isArray(value)) found[name] = value.map(String);
    else if (typeof value === 'string' || typeof value === 'number') found[name] = value;
  }
  return found;
}

function isData(value: readonly string[] | Hdf5Data): value is Hdf5Data {
  return 'shape' in value;
}

let loaded: Promise<typeof Package> | undefined;

async function loadPackage(): Promise<typeof Package> {
  loaded ??= import('h5wasm/node').then(async (h5wasm) => {
    // Errors are thrown with the library's own report instead of being printed.
    const module = (await h5wasm.ready) as unknown as { activate_throwing_error_handler(): number };
    module.activate_throwing_error_handler();
    return h5wasm;
  });
  return loaded;
}

/**
 * Runs a write of the library, which is synchronous, with its clock at zero: it stores the time of creation in each object,
 * and two equal runs must give equal bytes.
 */
function withoutTime<T>(write: () => T): T {
  const { now } = Date;
  Date.now = () => 0;
  try {
    return write();
  } finally {
    Date.now = now;
  }
}

function checkSignature(path: string): void {
  if (!existsSync(path)) throw readError(Object.assign(new Error('no such file'), { code: 'ENOENT' }), path);
  const head = Buffer.alloc(SIGNATURE.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  if (head.toString('latin1') !== SIGNATURE) throw broken(path, 'it has no HDF5 signature');
}

function broken(path: string, what: string, cause?: unknown): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${path} cannot be read as HDF5: ${what}`, {
    where: path,
    cure: 'save it again; a file that was not closed is often incomplete',
    ...(cause === undefined ? {} : { cause }),
  });
}
