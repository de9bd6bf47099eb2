import { scalarField, type Expression, type ExpressionOps, type Operand } from '../../tensor/expressions.js';
import { digamma, logGamma } from '../special/gamma.js';
import type { BayesianModel } from './model.js';

/** Operations of a log density. */
export interface LogDensityOps extends ExpressionOps {
  /** ln Gamma(x) for x > 0, element by element. */
  logGamma(x: Operand): Expression;
}

/** A model by its log density alone. */
export interface TensorModelDeclaration extends Omit<BayesianModel, 'logDensity'> {
  /**
   * Describes the log density, once: returns its terms at a position of shape (dimension), one expression or several of any shapes,
   * whose elements are all added up. Constants may be left out, Jacobians of changes of variables may not.
   */
  logDensity(ops: LogDensityOps, position: Expression): Expression | readonly Expression[];
}

/**
 * A model whose gradient is found by going back over the operations that its log density was described with, in float64.
 *
 * The log density is described before it is evaluated: what depends on the position goes through the operations, never through
 * `if` or `Math`.
 *
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT for operands that do not fit, with their shapes
 */
export function tensorModel({ logDensity, ...rest }: TensorModelDeclaration): BayesianModel {
  return {
    ...rest,
    logDensity: scalarField(
      (ops, position) => logDensity({ ...ops, logGamma: (x) => ops.apply(x, logGamma, digamma) }, position),
      rest.dimension,
    ),
  };
}
