/** Maps between the unbounded space of a gradient optimiser (q) and the parameters of a model (p). */
export interface Transform {
  readonly name: string;
  /** p of q. */
  forward(q: number): number;
  /** q of p. */
  inverse(p: number): number;
  /** dp/dq at q. */
  slope(q: number): number;
}

export const identity: Transform = {
  name: 'identity',
  forward: (q) => q,
  inverse: (p) => p,
  slope: () => 1,
};

/** log(1 + e^(s q)) / s: positive, and q itself where s q is large. */
function softplusOf(name: string, s: number): Transform {
  return {
    name,
    forward: (q) => (Math.max(s * q, 0) + Math.log1p(Math.exp(-Math.abs(s * q)))) / s,
    inverse: (p) => p + Math.log(-Math.expm1(-s * p)) / s,
    slope: (q) => logistic(s * q),
  };
}

export const softplus = softplusOf('softplus', 1);
export const softplus100 = softplusOf('softplus100', 100);

/** softplus above 1, for sizes relative to another. */
export const softplusAboveOne: Transform = {
  name: 'softplus_above_one',
  forward: (q) => 1 + softplus.forward(q),
  inverse: (p) => softplus.inverse(p - 1),
  slope: softplus.slope,
};

/** Between two bounds. */
export function sigmoid(low: number, high: number): Transform {
  return {
    name: `sigmoid(${low},${high})`,
    forward: (q) => low + (high - low) * logistic(q),
    inverse: (p) => Math.log((p - low) / (high - p)),
    slope: (q) => (high - low) * logistic(q) * logistic(-q),
  };
}

/** Between -1 and 1. */
export const tanh: Transform = {
  name: 'tanh',
  forward: Math.tanh,
  inverse: Math.atanh,
  slope: (q) => 1 - Math.tanh(q) ** 2,
};

/** An angle, brought into (-pi, pi]. */
export const wrappedAngle: Transform = {
  name: 'wrapped_angle',
  forward: (q) => q - 2 * Math.PI * Math.ceil((q - Math.PI) / (2 * Math.PI)),
  inverse: (p) => p,
  slope: () => 1,
};

function logistic(q: number): number {
  return q >= 0 ? 1 / (1 + Math.exp(-q)) : Math.exp(q) / (1 + Math.exp(q));
}
