/**
 * Receptive fields over images: sums under round Gaussians, and what a least-squares fit needs of them. The stimulus is
 * given as it arrives at the data: convolved, and without what confounds explain.
 */
import { dispatch } from '../dispatch.js';
import { requireShape } from '../shapes.js';
import { tf, type Tensor, type tfjs } from '../tfjs.js';

/** Fields, pixels and stimulus, as the programs take them. */
export interface FieldInputs {
  /** x, y and size of each field, (V, 3); sizes positive. */
  readonly fields: Tensor;
  /** Places of the pixels, (P, 2). */
  readonly pixels: Tensor;
  /** (P, T). */
  readonly stimulus: Tensor;
}

function requireInputs({ fields, pixels, stimulus }: FieldInputs, operation: string): void {
  requireShape(fields, [fields.shape[0] ?? 0, 3], operation, 'fields');
  requireShape(pixels, [pixels.shape[0] ?? 0, 2], operation, 'pixels');
  requireShape(stimulus, [pixels.shape[0] ?? 0, stimulus.shape[1] ?? 0], operation, 'stimulus');
}

/**
 * sum over pixels of stimulus exp(-(u^2 + w^2) / 2), with (u, w) = (pixel - centre) / size. Not differentiated.
 *
 * @returns (V, T)
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function fieldPredictions(inputs: FieldInputs): Tensor {
  requireInputs(inputs, 'fieldPredictions');
  return dispatch('NeuroloomFieldPredictions', { ...inputs }, {}, () =>
    tf.matMul(distancesOf(inputs).round as tfjs.Tensor2D, inputs.stimulus as tfjs.Tensor2D),
  );
}

/**
 * Sums over pixels of the stimulus under g, u g, w g and (u^2 + w^2) g, where g = exp(-(u^2 + w^2) / 2): the prediction of
 * each field, and what its derivatives are made of. Those of parts of the pixels add up. Not differentiated.
 *
 * @returns (V, 4, T)
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function fieldProducts(inputs: FieldInputs): Tensor {
  requireInputs(inputs, 'fieldProducts');
  return dispatch('NeuroloomFieldProducts', { ...inputs }, {}, () => {
    const { u, w, squares, round } = distancesOf(inputs);
    const weights = [round, tf.mul(u, round), tf.mul(w, round), tf.mul(squares, round)];
    const series = weights.map((own) => tf.matMul(own as tfjs.Tensor2D, inputs.stimulus as tfjs.Tensor2D));
    return tf.stack(series, 1);
  });
}

/**
 * Sums over time with the residual r = data - baseline - amplitude n, where n is the prediction of the field: r^2, r, and r
 * times each of the four products. The gradient of the sum of squares is made of them.
 *
 * @param products - of `fieldProducts`, (V, 4, T)
 * @param data - (V, T)
 * @param line - amplitude and baseline of each field, (V, 2)
 * @returns (V, 6)
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function fieldSums(products: Tensor, data: Tensor, line: Tensor): Tensor {
  const [fields = 0, , frames = 0] = products.shape;
  requireShape(products, [fields, 4, frames], 'fieldSums', 'products');
  requireShape(data, [fields, frames], 'fieldSums', 'data');
  requireShape(line, [fields, 2], 'fieldSums', 'line');
  return dispatch('NeuroloomFieldSums', { products, data, line }, {}, () => {
    const series = [0, 1, 2, 3].map((kind) =>
      tf.reshape(tf.slice(products, [0, kind, 0], [-1, 1, -1]), [fields, frames]),
    );
    const column = (at: number) => tf.slice(line, [0, at], [-1, 1]);
    const residual = tf.sub(tf.sub(data, column(1)), tf.mul(series[0] as Tensor, column(0)));
    const factors = [residual, tf.onesLike(residual), ...series];
    return tf.stack(
      factors.map((factor) => tf.sum(tf.mul(residual, factor), 1)),
      1,
    );
  });
}

/** Distances of the pixels in units of the size, their squares and the round weight, (V, P) each. */
function distancesOf({ fields, pixels }: FieldInputs) {
  const size = tf.slice(fields, [0, 2], [-1, 1]);
  const away = (axis: 0 | 1) => {
    const places = tf.reshape(tf.slice(pixels, [0, axis], [-1, 1]), [1, -1]);
    return tf.div(tf.sub(places, tf.slice(fields, [0, axis], [-1, 1])), size);
  };
  const [u, w] = [away(0), away(1)];
  const squares = tf.add(tf.square(u), tf.square(w));
  return { u, w, squares, round: tf.exp(tf.mul(squares, tf.scalar(-0.5))) };
}

/**
 * The prediction that correlates best with each time course; of equal ones the first.
 *
 * @param predictions - (G, T), any scale
 * @param data - (V, T), without mean and of unit norm
 * @param settings - `signed`: the largest r; else the largest r^2. A flat prediction is taken only where all are
 * @returns (V, 2): row of the prediction, and its r
 */
export function bestCorrelations(
  predictions: Tensor,
  data: Tensor,
  settings: { readonly signed: boolean },
): Tensor {
  const frames = predictions.shape[1] ?? 0;
  requireShape(predictions, [predictions.shape[0] ?? 0, frames], 'bestCorrelations', 'predictions');
  requireShape(data, [data.shape[0] ?? 0, frames], 'bestCorrelations', 'data');
  const { signed } = settings;
  return dispatch('NeuroloomBestCorrelations', { predictions, data }, { signed }, () => {
    const centred = tf.sub(predictions, tf.mean(predictions, 1, true));
    const norms = tf.sqrt(tf.sum(tf.square(centred), 1, true));
    const isFlat = tf.equal(norms, tf.scalar(0));
    const unit = tf.div(centred, tf.add(norms, tf.cast(isFlat, 'float32')));
    const r = tf.matMul(data as tfjs.Tensor2D, unit as tfjs.Tensor2D, false, true);
    const worst = signed ? -1 : 0;
    const own = signed ? r : tf.square(r);
    const flat = tf.reshape(tf.cast(isFlat, 'float32'), [1, -1]);
    const gain = tf.add(tf.mul(own, tf.sub(tf.scalar(1), flat)), tf.mul(flat, tf.scalar(worst)));
    const best = tf.argMax(gain, 1);
    const points = predictions.shape[0] ?? 0;
    // tfjs knows no choice among one.
    const chosen = points === 1 ? tf.onesLike(r) : tf.oneHot(best, points, 1, 0, 'float32');
    return tf.stack([tf.cast(best, 'float32'), tf.sum(tf.mul(chosen, r), 1)], 1);
  });
}
