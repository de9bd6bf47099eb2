import { DigestTable } from './digest-table.js';

/** What the outputs of instances count for in the keys of others; most instances have one output that others take. */
export class OutputDigests {
  readonly #first: DigestTable;
  /** Number of the port that `#first` is about, by instance. */
  #ports: Uint16Array;
  readonly #numbers = new Map<string, number>();
  readonly #others = new Map<string, string>();

  /** @param size - how many instances are expected */
  constructor(size: number) {
    this.#first = new DigestTable(size);
    this.#ports = new Uint16Array(size);
  }

  /** 64 hex digits, or null. */
  get(index: number, port: string): string | null {
    const number = this.#numbers.get(port);
    if (number !== undefined && this.#ports[index] === number) return this.#first.get(index);
    return this.#others.get(placeOf(index, port)) ?? null;
  }

  set(index: number, port: string, digest: string): void {
    const number = this.#number(port);
    if (index >= this.#ports.length) {
      const larger = new Uint16Array(Math.ceil((index + 1) * 1.5));
      larger.set(this.#ports);
      this.#ports = larger;
    }
    if (number !== null && this.#ports[index] === 0) {
      this.#ports[index] = number;
      this.#first.set(index, digest);
    } else this.#others.set(placeOf(index, port), digest);
  }

  #number(port: string): number | null {
    const known = this.#numbers.get(port);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    if (number > MOST_PORTS) return null;
    this.#numbers.set(port, number);
    return number;
  }
}

const MOST_PORTS = 0xffff;

function placeOf(index: number, port: string): string {
  return `${index} ${port}`;
}
