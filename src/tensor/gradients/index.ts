import { registerArithmeticGradients } from './arithmetic.js';
import { registerConvolutionGradient } from './convolution.js';
import { registerStructureGradients } from './structure.js';

/** Registers every gradient that the portable compositions of this room need. */
export function registerGradients(): void {
  registerArithmeticGradients();
  registerStructureGradients();
  registerConvolutionGradient();
}
