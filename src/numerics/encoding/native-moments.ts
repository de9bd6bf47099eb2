import { ProcessingError } from '../../errors.js';
import {
  nativeStatus,
  prfFit,
  prfMoments,
  prfPeaks,
  prfProducts,
  prfResponses,
  type PrfHrf,
  type PrfProjection,
} from '../../native/index.js';
import { FieldMoments } from './field-moments.js';
import { scaleSums } from './field-scale.js';
import { SPMHRFModel, type HRFModel } from './hrf-model.js';
import {
  MomentLayout,
  PortableMoments,
  type FitsRequest,
  type MomentRequest,
  type MomentSource,
} from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import type { GaussianField } from './response.js';

/** Which code evaluates the model in a fit. */
export type KernelChoice = 'auto' | 'native' | 'portable';

/**
 * The fastest source for a model, or the one that is asked for. Both give the same sums to rounding.
 *
 * @throws ProcessingError INVALID_ARGUMENT when `native` is asked for and the model has no kernel
 */
export function momentSource(response: ProjectedResponse, kernel: KernelChoice): MomentSource {
  const field = response.gaussianField;
  if (kernel === 'native' && field === null) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the addon has no kernel for this model', {
      where: 'kernel',
      cure: "leave the choice to 'auto'; the addon knows round Gaussian fields over images on a grid",
    });
  }
  if (field === null) return new PortableMoments(response);
  const isNative = kernel === 'native' || (kernel === 'auto' && nativeStatus().available);
  return isNative
    ? new NativeMoments(response, field)
    : (FieldMoments.of(response, field) ?? new PortableMoments(response));
}

/** Round Gaussian fields over images on a grid, many at once, by the addon. */
export class NativeMoments implements MomentSource {
  readonly layout: MomentLayout;
  readonly scoring = { products: prfProducts, peaks: prfPeaks };
  readonly fits: MomentSource['fits'];
  readonly #response: ProjectedResponse;
  readonly #field: GaussianField;

  constructor(response: ProjectedResponse, field: GaussianField) {
    this.#response = response;
    this.#field = field;
    this.layout = new MomentLayout(response.coordinates.length);
    const { kernel, hrfModel } = response.projection;
    const shared = kernel ?? exactHrfOf(hrfModel!);
    this.fits = shared === null ? null : (request) => this.#fit(request, shared);
  }

  #fit({ search, quarter, ...request }: FitsRequest, kernel: Float64Array | PrfHrf): void {
    const { hrfModel, removesMean, confounds } = this.#response.projection;
    const { stimulus, height, power } = this.#field;
    const taps = kernel instanceof Float64Array ? kernel.length : hrfModel!.kernel().length;
    prfFit({
      ...request,
      search: { ...search, quarter },
      ...{ stimulus, taps, kernel, removesMean, confounds, power },
      // A power of the size: what is left of it at size 1 is its factor.
      height: height(1),
    });
  }

  moments({ count, thetas, voxels, series }: MomentRequest, out: Float64Array): void {
    const rows = out.subarray(0, count * this.layout.length);
    prfMoments({
      stimulus: this.#field.stimulus,
      projection: this.#projection(count, thetas),
      count,
      fields: this.#fields(count, thetas),
      voxels: voxels.subarray(0, count),
      series,
      out: rows,
    });
    for (let k = 0; k < count; k++) {
      const sd = Math.exp(thetas[k * this.layout.size + 2]!);
      scaleSums(this.layout, this.#field, sd, rows, k * this.layout.length);
    }
  }

  responses(count: number, thetas: Float64Array, out: Float64Array): void {
    const { size } = this.layout;
    const { frames } = this.#response;
    const fields = this.#fields(count, thetas);
    const projection = this.#projection(count, thetas);
    prfResponses({ stimulus: this.#field.stimulus, projection, count, fields, out });
    for (let k = 0; k < count; k++) {
      const height = this.#field.height(Math.exp(thetas[k * size + 2]!));
      for (let t = k * frames; t < (k + 1) * frames; t++) out[t] = out[t]! * height;
    }
  }

  #fields(count: number, thetas: Float64Array): Float64Array {
    const { size } = this.layout;
    const fields = new Float64Array(3 * count);
    for (let k = 0; k < count; k++) {
      fields[3 * k] = thetas[k * size]!;
      fields[3 * k + 1] = thetas[k * size + 1]!;
      fields[3 * k + 2] = Math.exp(thetas[k * size + 2]!);
    }
    return fields;
  }

  #projection(count: number, thetas: Float64Array): PrfProjection {
    const { hrfModel, kernel, removesMean, confounds } = this.#response.projection;
    const rest = { removesMean, confounds };
    if (kernel !== null) return { ...rest, taps: kernel.length, kernels: kernel, ownKernels: false };
    const { size } = this.layout;
    const taps = hrfModel!.kernel().length;
    const kernels = new Float64Array(3 * count * taps);
    // Points of a grid share a few kernels.
    const first = new Map<string, number>();
    for (let k = 0; k < count; k++) {
      const [delay, dispersion] = [thetas[k * size + 3]!, thetas[k * size + 4]!];
      const key = `${delay} ${dispersion}`;
      const same = first.get(key);
      if (same !== undefined) {
        kernels.copyWithin(3 * k * taps, 3 * same * taps, 3 * (same + 1) * taps);
        continue;
      }
      first.set(key, k);
      const slopes = hrfModel!.kernelDerivatives(delay, dispersion);
      kernels.set(hrfModel!.kernel(delay, dispersion), 3 * k * taps);
      kernels.set(slopes.delay, (3 * k + 1) * taps);
      kernels.set(slopes.dispersion, (3 * k + 2) * taps);
    }
    return { ...rest, taps, kernels, ownKernels: true };
  }
}

/** Numbers of an HRF that the addon can make for each voxel; null for others. */
function exactHrfOf(model: HRFModel): PrfHrf | null {
  if (!(model instanceof SPMHRFModel) || model.mode !== 'exact' || model.normalize !== 'sum') return null;
  const { undershoot, uDispersion, ratio } = model.shape;
  return { tr: model.tr, onset: model.sampling.onset, undershoot, uDispersion, ratio };
}
