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
}

/** Numbers of each draw that are not the model's. */
function statistics({ chains }: Posterior): GroupVariable[] {
  const joined = (pick: (chain: (typeof chains)[number]) => Float64Array): Float64Array =>
    Float64Array.from(chains.flatMap((chain) => [...pick(chain)]));
  const counted = (pick: (chain: (typeof chains)[number]) => Int32Array): Int32Array =>
    Int32Array.from(chains.flatMap((chain) => [...pick(chain)]));
  return [
    { name: 'lp', axes: [], data: joined(({ logDensity }) => logDensity) },
    { name: 'acceptance_rate', axes: [], data: joined(({ acceptance }) => acceptance) },
    { name: 'energy', axes: [], data: joined(({ energy }) => energy) },
    { name: 'n_steps', axes: [], data: counted(({ steps }) => steps) },
    { name: 'tree_depth', axes: [], data: counted(({ depth }) => depth) },
    { name: 'diverging', axes: [], data: counted(({ diverging }) => diverging) },
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

/** @throws StorageError when the file cannot be written */
export async function writeTraceJson(path: string, posterior: Posterior): Promise<void> {
  const [chains, draws] = sizes(posterior);
  const group = (variables: readonly GroupVariable[], isFlag = (_name: string) => false): object =>
    Object.fromEntries(
      variables.map(({ name, axes, data }) => [name, nested(data, [chains, draws, ...axes], isFlag(name))]),
    );
  const dims: Record<string, string[]> = {};
  const coords: Record<string, (string | number)[]> = {};
  for (const { name, shape, labels } of posterior.variables) {
    if (shape.length === 0) continue;
    dims[name] = shape.map((_, axis) => axisName(name, axis));
    for (const [axis, length] of shape.entries()) {
      coords[axisName(name, axis)] = [...(labels?.[axis] ?? Array.from({ length }, (_, i) => i))];
    }
  }
  const content = {
    posterior: group(drawsOf(posterior)),
    sample_stats: group(statistics(posterior), (name) => name === 'diverging'),
    coords,
    dims,
    posterior_attrs: attributes(posterior),
  };
  await writeAtomic(path, `${JSON.stringify(content)}\n`);
}

/**
 * The same in HDF5: a group per kind, a dataset per variable with axes (chain, draw, ...), and a dataset per axis with which the
 * axes are named.
 */
export async function writeTraceHdf5(path: string, posterior: Posterior): Promise<void> {
  const [chains, draws] = sizes(posterior);
  const file = await Hdf5File.create(path);
  try {
    for (const [group, variables] of [
      ['posterior', drawsOf(posterior)],
      ['sample_stats', statistics(posterior)],
    ] as const) {
      file.setAttributes(attributes(posterior), group);
      const axis = (name: string, length: number): void => {
        file.createDataset(`${group}/${name}`, {
          shape: [length],
          data: Int32Array.from({ length }, (_, i) => i),
        });
        file.makeScale(`${group}/${name}`, name);
      };
      axis('chain', chains);
      axis('draw', draws);
      for (const { name, axes, data } of variables) {
        for (const [i, length] of axes.entries()) axis(axisName(name, i), length);
        file.createDataset(`${group}/${name}`, { shape: [chains, draws, ...axes], data } satisfies Hdf5Data);
        const names = ['chain', 'draw', ...axes.map((_, i) => axisName(name, i))];
        for (const [i, scale] of names.entries()) {
          file.attachScale(`${group}/${name}`, i, `/${group}/${scale}`);
        }
      }
    }
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
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
