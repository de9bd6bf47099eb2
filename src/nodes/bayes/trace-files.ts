/** Draws of a posterior as files that ArviZ reads: JSON (`from_json`) and HDF5 in the layout of netCDF-4 (`from_netcdf`). */
import { Hdf5File, writeAtomic, type Hdf5Data } from '../../io/index.js';
import type { Posterior } from '../../numerics/bayes/posterior.js';
import { VERSION } from '../../version.js';

interface GroupVariable {
  readonly name: string;
  /** Axes after chain and draw. */
  readonly axes: readonly number[];
  /** shape (chain, draw, ...axes) */
  readonly data: Float64Array | Int32Array;
  /** 0 and 1 stand for no and yes. */
  readonly isFlag?: boolean;
}

/** Numbers of each draw that are not the model's, under the names that ArviZ has for them. */
function statistics({ chains, record }: Posterior): GroupVariable[] {
  type Chain = (typeof chains)[number];
  const joined = (pick: (chain: Chain) => ArrayLike<number>): Float64Array =>
    Float64Array.from(chains.flatMap((chain) => Array.from(pick(chain))));
  const counted = (pick: (chain: Chain) => ArrayLike<number>): Int32Array => Int32Array.from(joined(pick));
  const isCut = (depth: number): number => (depth >= record.max_tree_depth ? 1 : 0);
  return [
    { name: 'lp', axes: [], data: joined(({ logDensity }) => logDensity) },
    { name: 'acceptance_rate', axes: [], data: joined(({ acceptance }) => acceptance) },
    { name: 'energy', axes: [], data: joined(({ energy }) => energy) },
    { name: 'step_size', axes: [], data: joined(({ stepSize, energy }) => energy.map(() => stepSize)) },
    { name: 'n_steps', axes: [], data: counted(({ steps }) => steps) },
    { name: 'tree_depth', axes: [], data: counted(({ depth }) => depth) },
    {
      name: 'reached_max_treedepth',
      axes: [],
      data: counted(({ depth }) => depth.map(isCut)),
      isFlag: true,
    },
    { name: 'diverging', axes: [], data: counted(({ diverging }) => diverging), isFlag: true },
  ];
}

function drawsOf(posterior: Posterior): GroupVariable[] {
  return posterior.variables.map(({ name, shape }) => {
    const chains = posterior.variable(name);
    const data = new Float64Array(chains.length * chains[0]!.length);
    for (const [c, chain] of chains.entries()) data.set(chain, c * chain.length);
    return { name, axes: shape, data };
  });
}

/** Names of the places along each axis of a variable. */
function axisName(variable: string, axis: number): string {
  return `${variable}_dim_${axis}`;
}

/**
 * Writes draws as JSON that ArviZ reads with `from_json`.
 *
 * @throws StorageError when the file cannot be written
 */
export async function writeTraceJson(path: string, posterior: Posterior): Promise<void> {
  const [chains, draws] = sizes(posterior);
  const group = (variables: readonly GroupVariable[]): object =>
    Object.fromEntries(
      variables.map(({ name, axes, data, isFlag = false }) => [
        name,
        nested(data, [chains, draws, ...axes], isFlag),
      ]),
    );
  const dims: Record<string, string[]> = {};
  const coords: Record<string, (string | number)[]> = {};
  for (const { name, shape, labels } of posterior.variables) {
    if (shape.length === 0) continue;
    dims[name] = shape.map((_, axis) => axisName(name, axis));
    for (const [axis, length] of shape.entries()) {
      coords[axisName(name, axis)] = [...(labels?.[axis] ?? counting(length))];
    }
  }
  const content = {
    posterior: group(drawsOf(posterior)),
    sample_stats: group(statistics(posterior)),
    coords,
    dims,
    posterior_attrs: attributes(posterior),
  };
  await writeAtomic(path, `${JSON.stringify(content)}\n`);
}

/**
 * The same in HDF5: a group per kind, a dataset per variable with axes (chain, draw, ...), and a dataset per axis, its scale, with
 * the labels of the model where it has them.
 *
 * The time of writing is left out: equal draws give equal bytes.
 */
export async function writeTraceHdf5(path: string, posterior: Posterior): Promise<void> {
  const file = await Hdf5File.create(path);
  try {
    writeGroup(file, 'posterior', posterior, drawsOf(posterior));
    writeGroup(file, 'sample_stats', posterior, statistics(posterior));
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
}

function writeGroup(
  file: Hdf5File,
  group: string,
  posterior: Posterior,
  variables: readonly GroupVariable[],
): void {
  const [chains, draws] = sizes(posterior);
  file.setAttributes(attributes(posterior), group);
  const axis = (name: string, length: number, labels?: readonly string[]): void => {
    const place = `${group}/${name}`;
    if (labels === undefined)
      file.createDataset(place, { shape: [length], data: Int32Array.from(counting(length)) });
    else file.createTexts(place, labels);
    file.makeScale(place, name);
  };
  axis('chain', chains);
  axis('draw', draws);
  for (const { name, axes, data, isFlag = false } of variables) {
    const labels = posterior.variables.find((variable) => variable.name === name)?.labels;
    for (const [i, length] of axes.entries()) axis(axisName(name, i), length, labels?.[i]);
    const shape = [chains, draws, ...axes];
    if (isFlag) file.createFlags(`${group}/${name}`, shape, data);
    else file.createDataset(`${group}/${name}`, { shape, data } satisfies Hdf5Data);
    const names = ['chain', 'draw', ...axes.map((_, i) => axisName(name, i))];
    for (const [i, scale] of names.entries()) file.attachScale(`${group}/${name}`, i, `/${group}/${scale}`);
  }
}

function counting(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function sizes({ record }: Posterior): [chains: number, draws: number] {
  return [record.chains, record.draws];
}

function attributes({ record }: Posterior): Record<string, string | number> {
  return { ...record, inference_library: 'neuroloom', inference_library_version: VERSION };
}

/** Nested lists of an array; what is not finite becomes null. */
function nested(data: ArrayLike<number>, shape: readonly number[], isFlag: boolean): unknown {
  let at = 0;
  const level = (axis: number): unknown => {
    if (axis === shape.length) {
      const value = data[at++]!;
      return isFlag ? value !== 0 : Number.isFinite(value) ? value : null;
    }
    return Array.from({ length: shape[axis]! }, () => level(axis + 1));
  };
  return level(0);
}
