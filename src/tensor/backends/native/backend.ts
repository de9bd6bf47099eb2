import { type tfjs, type tfjsCpu } from '../../tfjs.js';
import { MathBackendCPU, type Tensor } from '../../tfjs.js';

/** Shorter arrays cost less to allocate than to look up. */
const LEAST_RECYCLED = 1024;

type DataId = Parameters<tfjsCpu.MathBackendCPU['disposeData']>[0];

/**
 * The tfjs CPU backend with recycled buffers. A fresh Float32Array costs a page fault for every 4 KiB and lives until
 * the garbage collector runs, which a training step would not wait for; so arrays return to a list by length when
 * their tensor is disposed. Only arrays that the backend handed out itself are recycled, and values are read as
 * copies, so that nobody outside holds an array that is used again.
 */
export class NativeBackend extends MathBackendCPU {
  readonly #freeFloats = new Map<number, Float32Array[]>();
  readonly #freeBytes = new Map<number, Uint8Array[]>();
  readonly #owned = new WeakSet<Float32Array | Uint8Array>();

  /** An array with arbitrary content, for a tensor or for scratch. */
  takeBuffer(length: number): Float32Array {
    return this.#take(this.#freeFloats, length, () => new Float32Array(length));
  }

  /** Like `takeBuffer`, for bytes. */
  takeBytes(length: number): Uint8Array {
    return this.#take(this.#freeBytes, length, () => new Uint8Array(length));
  }

  /** Takes an array back that no tensor and no caller uses any more. */
  giveBack(buffer: Float32Array | Uint8Array): void {
    if (!this.#owned.has(buffer)) return;
    if (buffer instanceof Float32Array) file(this.#freeFloats, buffer);
    else file(this.#freeBytes, buffer);
  }

  /** Lets the garbage collector have every array that no tensor uses. */
  releaseBuffers(): void {
    this.#freeFloats.clear();
    this.#freeBytes.clear();
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

  #take<T extends Float32Array | Uint8Array>(free: Map<number, T[]>, length: number, make: () => T): T {
    const recycled = free.get(length)?.pop();
    if (recycled !== undefined) return recycled;
    const fresh = make();
    if (length >= LEAST_RECYCLED) this.#owned.add(fresh);
    return fresh;
  }
}

function file<T extends Float32Array | Uint8Array>(free: Map<number, T[]>, buffer: T): void {
  const list = free.get(buffer.length);
  if (list === undefined) free.set(buffer.length, [buffer]);
  else list.push(buffer);
}
