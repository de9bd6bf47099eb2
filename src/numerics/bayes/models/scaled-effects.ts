import { cholesky, solveCholesky } from '../../linalg/cholesky.js';
import { gram, matrix } from '../../linalg/matrix.js';

/**
 * Effects with normal priors of mean 0 whose spreads are unknown, each sampled as a coordinate w:
 *
 *   effect = d w + (1 - share) centre,   d^-2 = 1 / spread^2 + information / noise^2,   share = d^2 / spread^2.
 *
 * That is the normal distribution which prior and data leave to the effect when `centre` is what data alone say of it, so that w
 * is near normal (0, 1) for every spread and noise. Units of the spread alone (information 0) give a funnel where data are strong,
 * units of the noise alone where they are weak.
 */
export class ScaledEffects {
  readonly effects: Float64Array;
  /** What `differentiate` found, one for each effect: slopes along its coordinate, ln spread, ln noise and centre. */
  readonly byCoordinate: Float64Array;
  readonly byLogSpread: Float64Array;
  readonly byLogNoise: Float64Array;
  readonly byCentre: Float64Array;
  readonly #information: Float64Array;
  readonly #centres: Float64Array;
  readonly #deviations: Float64Array;
  /** Share of the prior in what is known of each effect, from 0 to 1. */
  readonly #shares: Float64Array;
  readonly #precisions: Float64Array;

  /** @param information - what data of noise 1 say about each effect, as a precision; 0 or more */
  constructor(information: Float64Array) {
    this.#information = information;
    const perEffect = (): Float64Array => new Float64Array(information.length);
    this.effects = perEffect();
    this.byCoordinate = perEffect();
    this.byLogSpread = perEffect();
    this.byLogNoise = perEffect();
    this.byCentre = perEffect();
    this.#centres = perEffect();
    this.#deviations = perEffect();
    this.#shares = perEffect();
    this.#precisions = perEffect();
  }

  set(at: number, coordinate: number, logSpread: number, logNoise: number, centre = 0): void {
    const ofPrior = Math.exp(-2 * logSpread);
    const precision = ofPrior + this.#information[at]! * Math.exp(-2 * logNoise);
    const deviation = 1 / Math.sqrt(precision);
    const share = ofPrior / precision;
    this.#centres[at] = centre;
    this.#deviations[at] = deviation;
    this.#shares[at] = share;
    this.#precisions[at] = ofPrior;
    this.effects[at] = deviation * coordinate + (1 - share) * centre;
  }

  /**
   * After `set`: the slopes of the log density.
   *
   * @param pull - slope of the log likelihood along the effect
   * @returns log density of the prior of the coordinate, up to a constant
   */
  differentiate(at: number, coordinate: number, pull: number): number {
    const share = this.#shares[at]!;
    const effect = this.effects[at]!;
    const squared = effect * effect * this.#precisions[at]!;
    const along = pull - effect * this.#precisions[at]!;
    const moved = this.#deviations[at]! * coordinate;
    // How the effect follows ln spread is share (moved + turned), ln noise (1 - share) moved - share turned.
    const turned = 2 * (1 - share) * this.#centres[at]!;
    this.byCoordinate[at] = along * this.#deviations[at]!;
    this.byLogSpread[at] = along * share * (moved + turned) + squared - (1 - share);
    this.byLogNoise[at] = along * ((1 - share) * moved - share * turned) + (1 - share);
    this.byCentre[at] = along * (1 - share);
    return 0.5 * (Math.log(share) - squared);
  }
}

/**
 * What the rows say about each coefficient of a linear model once the other columns took their part: n for a column of standard
 * deviation 1 that no other resembles, near 0 for two that are the same.
 *
 * @param design - shape (rows, columns), columns of standard deviation near 1
 */
export function ownInformation(design: Float64Array, columns: number): Float64Array {
  const information = gram(matrix(design.length / columns, columns, design));
  const one = matrix(columns, columns);
  // As with a normal (0, 1) prior on each: it keeps the inverse finite, and is taken off again.
  for (let a = 0; a < columns * columns; a += columns + 1) {
    one.values[a] = 1;
    information.values[a] = information.values[a]! + 1;
  }
  const inverse = solveCholesky(cholesky(information)!, one);
  return Float64Array.from({ length: columns }, (_, a) =>
    Math.max(0, 1 / inverse.values[a * columns + a]! - 1),
  );
}
