/**
 * The sum of squared residuals of a linear model, and what it says about the coefficients.
 *
 * With fewer coefficients than twice the rows, it is evaluated from X'X and X'y, whose size does not depend on the rows. The
 * columns and y should have standard deviations near 1: residuals below 1e-7 of y would be lost in rounding otherwise.
 */
export class LeastSquaresForm {
  readonly columns: number;
  readonly #design: Float64Array;
  readonly #outcome: Float64Array;
  readonly #gram: Float64Array | null;
  readonly #projected: Float64Array;
  readonly #squares: number;

  /**
   * @param design - shape (rows, columns)
   * @param outcome - shape (rows)
   */
  constructor(design: Float64Array, outcome: Float64Array) {
    const rows = outcome.length;
    const k = design.length / rows;
    this.columns = k;
    this.#design = design;
    this.#outcome = outcome;
    this.#squares = outcome.reduce((sum, value) => sum + value * value, 0);
    this.#projected = new Float64Array(k);
    this.#gram = k < 2 * rows ? new Float64Array(k * k) : null;
    for (let i = 0; i < rows; i++) {
      for (let a = 0; a < k; a++) {
        const value = design[i * k + a]!;
        this.#projected[a] = this.#projected[a]! + value * outcome[i]!;
        if (this.#gram === null || value === 0) continue;
        for (let b = 0; b < k; b++)
          this.#gram[a * k + b] = this.#gram[a * k + b]! + value * design[i * k + b]!;
      }
    }
  }

  /**
   * @param pull - shape (columns), receives X'(y - X coefficients)
   * @returns the sum of squared residuals
   */
  evaluate(coefficients: Float64Array, pull: Float64Array): number {
    return this.#gram === null
      ? this.#byRows(coefficients, pull)
      : this.#byGram(this.#gram, coefficients, pull);
  }

  #byGram(gram: Float64Array, coefficients: Float64Array, pull: Float64Array): number {
    const k = this.columns;
    let squares = this.#squares;
    for (let a = 0; a < k; a++) {
      let fitted = 0;
      for (let b = 0; b < k; b++) fitted += gram[a * k + b]! * coefficients[b]!;
      pull[a] = this.#projected[a]! - fitted;
      squares -= coefficients[a]! * (this.#projected[a]! + pull[a]!);
    }
    return Math.max(0, squares);
  }

  #byRows(coefficients: Float64Array, pull: Float64Array): number {
    const k = this.columns;
    pull.fill(0);
    let squares = 0;
    for (let i = 0; i < this.#outcome.length; i++) {
      let residual = this.#outcome[i]!;
      for (let a = 0; a < k; a++) residual -= this.#design[i * k + a]! * coefficients[a]!;
      squares += residual * residual;
      for (let a = 0; a < k; a++) pull[a] = pull[a]! + residual * this.#design[i * k + a]!;
    }
    return squares;
  }
}
