import { type tfjs, type tfjsCpu } from '../../tfjs.js';
import { MathBackendCPU, type Tensor } from '../../tfjs.js';
import { BufferArena } from './buffer-arena.js';

/** Shorter arrays cost less to allocate than to look up. */
const LEAST_RECYCLED = 1024;

type DataId = Parameters<tfjsCpu.MathBackendCPU['disposeData']>[0];

/**
 * The tfjs CPU backend with recycled buffers. A fresh Float32Array costs a page fault for every 4 KiB and lives until
 * the garbage collector runs, which a training step would not wait for; so arrays come from an arena and return to it
 * when their tensor is disposed. Only arrays that the backend handed out itself are recycled, and values are read as
 * copies, so that nobody outside holds an array that is used again.
 */
export class NativeBackend extends MathBackendCPU {
  readonly #arena = new BufferArena();

  /** An array with arbitrary content, for a tensor or for scratch. */
  takeBuffer(length: number): Float32Array {
    return length < LEAST_RECYCLED ? new Float32Array(length) : this.#arena.floats(length);
  }

  /** Like `takeBuffer`, for bytes. */
  takeBytes(length: number): Uint8Array {
    return length < LEAST_RECYCLED ? new Uint8Array(length) : this.#arena.bytes(length);
  }

  /** Takes an array back that no tensor and no caller uses any more. */
  giveBack(buffer: Float32Array | Uint8Array): void {
    this.#arena.giveBack(buffer);
  }

  /** Gives the memory back that no tensor uses. */
  releaseBuffers(): void {
    this.#arena.releaseUnused();
  }

  /** Bytes of tensors and scratch in the arena, and the most that were in use at once. */
  get memoryInUse(): { readonly bytes: number; readonly most: number } {
    return this.#arena.usage;
  }

  /** The live values of a float32 tensor: not to be kept, not to be changed by those who share it. */
  valuesOf(source: tfjs.TensorInfo): Float32Array {
    const { values } = this.data.get(source.dataId);
    // A stock cast from bool or int32 to float32 leaves the array as it is.
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }

  /** A tensor outside any kernel, for example a gradient, that owns an array. */
  tensorOf(values: Float32Array, shape: readonly number[]): Tensor {
    return this.makeOutput(values, [...shape], 'float32');
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const released = super.disposeData(dataId, force);
    if (values instanceof Float32Array && !this.data.has(dataId)) this.giveBack(values);
    return released;
  }

  override readSync(dataId: DataId): tfjs.backend_util.BackendValues {
    const values = super.readSync(dataId);
    return values instanceof Float32Array ? values.slice() : values;
  }

  override read(dataId: DataId): Promise<tfjs.backend_util.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }
}
