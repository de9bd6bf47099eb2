/** Steps before the guard acts: the usual size of a gradient must be known first. */
const WARM_UP_STEPS = 20;

/** Weight of the past in the running mean: about the last fifty steps. */
const MEMORY = 0.98;

/** Largest gradient in units of the running mean. Steps of one cohort differ by less than a factor of two. */
const LIMIT = 4;

/** State of a guard, for checkpoints. */
export interface GuardState {
  readonly steps: number;
  readonly typical: number;
}

/**
 * Keeps one step from undoing a training: a gradient that is far larger than usual is shortened.
 *
 * Near a fold the seven squarings multiply the gradient (a norm of 16 averaged over an epoch was seen where 2 is
 * usual); Adam then moves every weight by a full step in a direction that says little, and training left the
 * optimum for good. Shortened to four times the running mean the same step does no harm. Ordinary steps are
 * not changed by a single bit.
 */
export class GradientGuard {
  #steps = 0;
  #typical = 0;

  /**
   * @param norm - Euclidean norm of the gradient of this step
   * @returns the factor for the gradient: 1, or less for an outlier
   */
  factorFor(norm: number): number {
    // A norm that is not finite ends the training with its own error.
    if (!Number.isFinite(norm)) return 1;
    const limit = this.#steps >= WARM_UP_STEPS ? LIMIT * this.#typical : Infinity;
    const accepted = Math.min(norm, limit);
    this.#typical =
      this.#steps < WARM_UP_STEPS
        ? (this.#typical * this.#steps + accepted) / (this.#steps + 1)
        : MEMORY * this.#typical + (1 - MEMORY) * accepted;
    this.#steps += 1;
    return accepted === norm ? 1 : accepted / norm;
  }

  exportState(): GuardState {
    return { steps: this.#steps, typical: this.#typical };
  }

  importState({ steps, typical }: GuardState): void {
    this.#steps = steps;
    this.#typical = typical;
  }
}
