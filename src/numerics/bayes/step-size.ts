// How fast the average of log step sizes forgets, how strongly single steps pull, and how soon both set in.
const FORGETTING = 0.75;
const PULL = 0.05;
const DELAY = 10;

/**
 * Dual averaging of the step size towards a mean acceptance probability.
 *
 * @see Hoffman & Gelman 2014, section 3.2
 */
export class StepSizeAdaptation {
  readonly #target: number;
  #centre = 0;
  #count = 0;
  #error = 0;
  #log = 0;
  #average = 0;

  constructor(target: number, initial: number) {
    this.#target = target;
    this.restart(initial);
  }

  /** The step size to use while adapting. */
  get current(): number {
    return Math.exp(this.#log);
  }

  /** The step size to keep. */
  get averaged(): number {
    return Math.exp(this.#count === 0 ? this.#log : this.#average);
  }

  restart(initial: number): void {
    // Larger steps are tried first: they are cheap, and rejections correct them soon.
    this.#centre = Math.log(10 * initial);
    this.#log = Math.log(initial);
    this.#count = 0;
    this.#error = 0;
    this.#average = 0;
  }

  update(acceptance: number): void {
    this.#count += 1;
    const weight = 1 / (this.#count + DELAY);
    this.#error = (1 - weight) * this.#error + weight * (this.#target - acceptance);
    this.#log = this.#centre - (Math.sqrt(this.#count) / PULL) * this.#error;
    const share = this.#count ** -FORGETTING;
    this.#average = share * this.#log + (1 - share) * this.#average;
  }
}
