/** Instances that could start, by priority: a binary heap over typed arrays, nothing allocated per entry. */
export class ReadyQueue {
  #heap: Int32Array;
  #priority: Float64Array;
  #size = 0;

  /** @param priority - per instance; larger goes first, then the smaller index */
  constructor(priority: Float64Array) {
    this.#priority = priority;
    this.#heap = new Int32Array(priority.length);
  }

  get size(): number {
    return this.#size;
  }

  /** More instances, and new priorities for all; what waits is put in order again. */
  grow(priority: Float64Array): void {
    const waiting = this.#heap.slice(0, this.#size);
    this.#heap = new Int32Array(priority.length);
    this.#priority = priority;
    this.#size = 0;
    for (const index of waiting) this.push(index);
  }

  push(index: number): void {
    const heap = this.#heap;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (!this.#before(index, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = index;
  }

  /** The instance of highest priority, removed; -1 when empty. */
  pop(): number {
    if (this.#size === 0) return -1;
    const heap = this.#heap;
    const top = heap[0] as number;
    const last = heap[--this.#size] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(heap[child + 1] as number, heap[child] as number)) child++;
      const other = heap[child] as number;
      if (!this.#before(other, last)) break;
      heap[at] = other;
      at = child;
    }
    if (this.#size > 0) heap[at] = last;
    return top;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#priority[a] as number) - (this.#priority[b] as number);
    return difference > 0 || (difference === 0 && a < b);
  }
}
