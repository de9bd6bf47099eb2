/** Programs in WGSL, run through the tfjs backend so that they share its buffers and its command queue. */
import { ProcessingError } from '../../../errors.js';
import type { DeviceAdvice } from '../../device.js';
import { tf, type Tensor, type tfjs } from '../../tfjs.js';

/** Name under which tfjs knows the backend, and under which its package registers its kernels. */
export const WEBGPU_BACKEND_NAME = 'webgpu';

let largestBinding = Infinity;

/** Sets the largest array that the device lets a program reach, bytes. */
export function limitBindings(bytes: number): void {
  largestBinding = bytes;
}

/** A number that changes from call to call without a new program. */
export interface Uniform {
  readonly name: string;
  readonly value: number;
}

/** What is used of the tfjs backend. */
export interface GpuBackend extends tfjs.KernelBackend {
  makeTensorInfo(shape: readonly number[], dtype: 'float32' | 'int32', values?: Int32Array): tfjs.TensorInfo;
  runWebGPUProgram(
    program: { readonly outputShape: readonly number[]; readonly shaderKey: string },
    inputs: readonly tfjs.TensorInfo[],
    dtype: 'float32' | 'int32',
    uniforms?: readonly { readonly type: 'float32'; readonly data: readonly number[] }[],
    output?: tfjs.TensorInfo,
  ): tfjs.TensorInfo;
}

export interface Program {
  /** Names the program in messages; programs of the same name may differ in their code. */
  readonly key: string;
  /** Inputs by the name that the code gives them: arrays of f32. */
  readonly inputs: Readonly<Record<string, tfjs.TensorInfo>>;
  /** The code writes an array of f32 named `result`; with `atomic` one of atomic i32. */
  readonly shape: readonly number[];
  readonly uniforms?: readonly Uniform[];
  /** Invocations in a workgroup. */
  readonly workgroup?: number;
  /** Number of workgroups; left out, one invocation per value of the result. */
  readonly workgroups?: number;
  /** The result is int32, starts from zeros and is changed with atomic operations. */
  readonly atomic?: boolean;
  /** Declarations, and `fn compute(index : i32)`, called with the number of the invocation. */
  readonly code: string;
}

/** The layout of a program holds what its code uses, and the backend always binds the uniforms. */
const MAIN = `
  fn main(index : i32) {
    _ = uniforms.NAN;
    compute(index);
  }`;

const WORKGROUP = 64;

/**
 * Runs a program.
 *
 * @returns its result, which belongs to the caller
 * @throws ProcessingError MEMORY_LIMIT when an array is larger than the device can bind
 */
export function runProgram(backend: GpuBackend, program: Program): tfjs.TensorInfo {
  const { inputs, shape, uniforms = [], atomic = false } = program;
  const output = atomic ? zeros(backend, shape) : undefined;
  const values = uniforms.map(({ value }) => ({ type: 'float32' as const, data: [value] }));
  return backend.runWebGPUProgram(describe(program), Object.values(inputs), 'float32', values, output);
}

const numbers = new Map<string, number>();

/** Number of a code: tfjs compiles a program once for its key, and constants of the code decide what it computes. */
function numberOf(code: string): number {
  const known = numbers.get(code);
  if (known !== undefined) return known;
  numbers.set(code, numbers.size);
  return numbers.size - 1;
}

/** A program as tfjs takes it. */
function describe({
  key,
  inputs,
  shape,
  uniforms = [],
  workgroup = WORKGROUP,
  workgroups,
  atomic = false,
  code,
}: Program) {
  const size = tf.util.sizeFromShape([...shape]);
  const declared = uniforms.map(({ name }) => `${name} : f32, `).join('');
  return {
    variableNames: Object.keys(inputs),
    outputShape: [...shape],
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: shape.map((_, axis) => axis) },
    dispatch: [workgroups ?? Math.ceil(size / workgroup), 1, 1],
    shaderKey: `neuroloom_${key}_${numberOf(declared + code)}`,
    uniforms: declared,
    atomic,
    getUserCode: () => code + MAIN,
  };
}

function zeros(backend: GpuBackend, shape: readonly number[]): tfjs.TensorInfo {
  const size = tf.util.sizeFromShape([...shape]);
  const output = backend.makeTensorInfo(shape, 'int32');
  const code = `fn compute(index : i32) { if (index < ${size}) { result[index] = 0; } }`;
  const description = describe({ key: `zeros_${size}`, inputs: {}, shape, code });
  return backend.runWebGPUProgram(description, [], 'int32', [], output);
}

/** A result as a tensor that the running scope owns. */
export function asTensor(info: tfjs.TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

/** Frees a result that is no tensor. */
export function free(backend: GpuBackend, ...infos: readonly tfjs.TensorInfo[]): void {
  for (const { dataId } of infos) backend.disposeData(dataId);
}

let advice: DeviceAdvice = {};

/** Sets what helps, beside another device, where the work that begins fails on a card. */
export function adviseOnFailures(given: DeviceAdvice): void {
  advice = given;
}

/** What helps where an array, or all of them, have no room on a card. */
export const memoryCure = () =>
  advice.memory === undefined ? 'set device cpu' : `set device cpu, or ${advice.memory}`;

/** What helps where the device was lost. */
export const lossCure = () =>
  `run again${advice.afterLoss === undefined ? '' : `: ${advice.afterLoss}`}; set device cpu when it happens often`;

/**
 * Refuses an array that the device cannot bind to a program.
 *
 * @throws ProcessingError MEMORY_LIMIT
 */
export function requireBindable(shape: readonly number[], what: string): void {
  const elements = tf.util.sizeFromShape([...shape]);
  if (4 * elements <= largestBinding) return;
  throw new ProcessingError(
    'MEMORY_LIMIT',
    `${what} needs an array of ${Math.ceil((4 * elements) / 2 ** 20)} MB, the graphics device takes ${Math.floor(largestBinding / 2 ** 20)} MB`,
    { cure: memoryCure() },
  );
}
