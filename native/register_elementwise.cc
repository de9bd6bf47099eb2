// Element-wise operations, reductions, the losses that are sums over voxels, and Adam: see elementwise.h.
#include <cmath>
#include <vector>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many elements.
constexpr std::size_t kGrain = 32768;

const ElementwiseKernels& elementwise() { return *kernels().elementwise; }

// Calls body(offset, length) over a static split.
template <class Body>
void forLength(std::size_t length, Body&& body) {
  forRange(length, kGrain, [&](std::size_t begin, std::size_t end, int) { body(begin, end - begin); });
}

// Sum of body(offset, length) over a static split, in the order of the parts.
template <class Body>
double sumOver(std::size_t length, Body&& body) {
  std::vector<double> partial(static_cast<std::size_t>(threads()));
  const int parts = forRange(length, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    partial[static_cast<std::size_t>(part)] = body(begin, end - begin);
  });
  double total = 0;
  for (int part = 0; part < parts; part++) total += partial[static_cast<std::size_t>(part)];
  return total;
}

template <class Operation>
Operation operation(const Call& call) {
  const std::size_t index = call.count(0);
  if (index >= static_cast<std::size_t>(Operation::kCount)) throw ArgumentError("unknown operation");
  return static_cast<Operation>(index);
}

// (operation, length, x, out)
napi_value unary(const Call& call) {
  const Unary op = operation<Unary>(call);
  const std::size_t length = call.count(1);
  const float* x = call.floats(2, length);
  float* out = call.floats(3, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().unary(op, x + at, out + at, count); });
  return call.undefined();
}

// (operation, length, a, b, out)
napi_value binary(const Call& call) {
  const Binary op = operation<Binary>(call);
  const std::size_t length = call.count(1);
  const float *a = call.floats(2, length), *b = call.floats(3, length);
  float* out = call.floats(4, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().binary(op, a + at, b + at, out + at, count); });
  return call.undefined();
}

// (length, x, factor, term, out)
napi_value affine(const Call& call) {
  const std::size_t length = call.count(0);
  const float* x = call.floats(1, length);
  const float factor = static_cast<float>(call.number(2)), term = static_cast<float>(call.number(3));
  float* out = call.floats(4, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().affine(x + at, factor, term, out + at, count); });
  return call.undefined();
}

// (length, factor, x, y)
napi_value axpy(const Call& call) {
  const std::size_t length = call.count(0);
  const float factor = static_cast<float>(call.number(1));
  const float* x = call.floats(2, length);
  float* y = call.floats(3, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().axpy(factor, x + at, y + at, count); });
  return call.undefined();
}

// (length, x, low, high, out)
napi_value clamp(const Call& call) {
  const std::size_t length = call.count(0);
  const float* x = call.floats(1, length);
  const float low = static_cast<float>(call.number(2)), high = static_cast<float>(call.number(3));
  float* out = call.floats(4, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().clamp(x + at, low, high, out + at, count); });
  return call.undefined();
}

// (operation, length, x)
napi_value reduce(const Call& call) {
  const Reduction op = operation<Reduction>(call);
  const std::size_t length = call.count(1);
  const float* x = call.floats(2, length);
  return call.makeNumber(sumOver(length, [&](std::size_t at, std::size_t count) { return elementwise().reduce(op, x + at, count); }));
}

// (length, a, b)
napi_value dot(const Call& call) {
  const std::size_t length = call.count(0);
  const float *a = call.floats(1, length), *b = call.floats(2, length);
  return call.makeNumber(sumOver(length, [&](std::size_t at, std::size_t count) { return elementwise().dot(a + at, b + at, count); }));
}

// (length, x)
napi_value allFinite(const Call& call) {
  const std::size_t length = call.count(0);
  const float* x = call.floats(1, length);
  const double bad = sumOver(length, [&](std::size_t at, std::size_t count) { return elementwise().allFinite(x + at, count) ? 0.0 : 1.0; });
  napi_value result = nullptr;
  napi_get_boolean(call.env(), bad == 0, &result);
  return result;
}

// Slope of the normalised log density: 1 / log1p(1 / offset), or its inverse.
double logFactor(double offset) {
  if (!(offset > 0)) throw ArgumentError("the offset must be positive");
  return 1 / std::log1p(1 / offset);
}

// (length, x, offset, out)
napi_value logDensity(const Call& call) {
  const std::size_t length = call.count(0);
  const float* x = call.floats(1, length);
  const double offset = call.number(2), factor = logFactor(offset);
  float* out = call.floats(3, length);
  forLength(length, [&](std::size_t at, std::size_t count) { elementwise().logDensity(x + at, offset, factor, out + at, count); });
  return call.undefined();
}

// (length, x, offset, dy, dx)
napi_value logDensityBackward(const Call& call) {
  const std::size_t length = call.count(0);
  const float* x = call.floats(1, length);
  const double offset = call.number(2), factor = logFactor(offset);
  const float* dy = call.floats(3, length);
  float* dx = call.floats(4, length);
  forLength(length, [&](std::size_t at, std::size_t count) {
    elementwise().logDensityBackward(x + at, dy + at, offset, factor, dx + at, count);
  });
  return call.undefined();
}

// (length, t, offset, out)
napi_value inverseLogDensity(const Call& call) {
  const std::size_t length = call.count(0);
  const float* t = call.floats(1, length);
  const double offset = call.number(2), factor = 1 / logFactor(offset);
  float* out = call.floats(3, length);
  forLength(length, [&](std::size_t at, std::size_t count) {
    elementwise().inverseLogDensity(t + at, offset, factor, out + at, count);
  });
  return call.undefined();
}

// (length, t, offset, dy, dt)
napi_value inverseLogDensityBackward(const Call& call) {
  const std::size_t length = call.count(0);
  const float* t = call.floats(1, length);
  const double offset = call.number(2), factor = 1 / logFactor(offset);
  const float* dy = call.floats(3, length);
  float* dx = call.floats(4, length);
  forLength(length, [&](std::size_t at, std::size_t count) {
    elementwise().inverseLogDensityBackward(t + at, dy + at, offset, factor, dx + at, count);
  });
  return call.undefined();
}

DiceSums diceSums(const float* a, const float* b, const float* s, float threshold, float offWeight, std::size_t size) {
  std::vector<DiceSums> partial(static_cast<std::size_t>(threads()));
  const int parts = forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    partial[static_cast<std::size_t>(part)] =
        elementwise().dice(a + begin, b + begin, s + begin, threshold, offWeight, end - begin);
  });
  DiceSums total = {0, 0, 0};
  for (int part = 0; part < parts; part++) {
    total.product += partial[static_cast<std::size_t>(part)].product;
    total.squareA += partial[static_cast<std::size_t>(part)].squareA;
    total.squareB += partial[static_cast<std::size_t>(part)].squareB;
  }
  return total;
}

struct DiceArguments {
  std::size_t n, size;
  const float *a, *b, *s;
  float threshold, offWeight;
  double eps;
};

DiceArguments diceArguments(const Call& call) {
  const std::size_t n = call.count(0), size = call.count(1);
  return {n, size, call.floats(2, n * size), call.floats(3, n * size), call.floats(4, n * size),
          static_cast<float>(call.number(5)), static_cast<float>(call.number(6)), call.number(7)};
}

// (n, size, a, b, s, threshold, offWeight, eps)
napi_value softDiceForward(const Call& call) {
  const DiceArguments d = diceArguments(call);
  double total = 0;
  for (std::size_t k = 0; k < d.n; k++) {
    const std::size_t at = k * d.size;
    const DiceSums sums = diceSums(d.a + at, d.b + at, d.s + at, d.threshold, d.offWeight, d.size);
    total += 1 - (2 * sums.product + d.eps) / (sums.squareA + sums.squareB + d.eps);
  }
  return call.makeNumber(total / static_cast<double>(d.n));
}

// (n, size, a, b, s, threshold, offWeight, eps, scale, da)
napi_value softDiceBackward(const Call& call) {
  const DiceArguments d = diceArguments(call);
  const double scale = call.number(8) / static_cast<double>(d.n);
  float* da = call.floats(9, d.n * d.size);
  for (std::size_t k = 0; k < d.n; k++) {
    const std::size_t at = k * d.size;
    const DiceSums sums = diceSums(d.a + at, d.b + at, d.s + at, d.threshold, d.offWeight, d.size);
    const double below = sums.squareA + sums.squareB + d.eps, above = 2 * sums.product + d.eps;
    const float factorB = static_cast<float>(-2 * scale / below);
    const float factorA = static_cast<float>(2 * scale * above / (below * below));
    forLength(d.size, [&](std::size_t from, std::size_t count) {
      const std::size_t i = at + from;
      elementwise().diceBackward(d.a + i, d.b + i, d.s + i, d.threshold, d.offWeight, factorB, factorA, da + i, count);
    });
  }
  return call.undefined();
}

double sumOf(const float* x, std::size_t size) {
  return sumOver(size, [&](std::size_t at, std::size_t count) { return elementwise().reduce(Reduction::kSum, x + at, count); });
}

// (n, size, w, s, eps)
napi_value densityL1Forward(const Call& call) {
  const std::size_t n = call.count(0), size = call.count(1);
  const float *w = call.floats(2, n * size), *s = call.floats(3, n * size);
  const double eps = call.number(4);
  double total = 0;
  for (std::size_t k = 0; k < n; k++) {
    const float *wk = w + k * size, *sk = s + k * size;
    const double difference = sumOver(size, [&](std::size_t at, std::size_t count) {
      return elementwise().absoluteDifference(wk + at, sk + at, count);
    });
    total += difference / (sumOf(sk, size) + eps);
  }
  return call.makeNumber(total / static_cast<double>(n));
}

// (n, size, w, s, eps, scale, dw)
napi_value densityL1Backward(const Call& call) {
  const std::size_t n = call.count(0), size = call.count(1);
  const float *w = call.floats(2, n * size), *s = call.floats(3, n * size);
  const double eps = call.number(4), scale = call.number(5) / static_cast<double>(n);
  float* dw = call.floats(6, n * size);
  for (std::size_t k = 0; k < n; k++) {
    const float *wk = w + k * size, *sk = s + k * size;
    const float factor = static_cast<float>(scale / (sumOf(sk, size) + eps));
    forLength(size, [&](std::size_t at, std::size_t count) {
      elementwise().signedDifference(wk + at, sk + at, factor, dw + k * size + at, count);
    });
  }
  return call.undefined();
}

// (length, gradient, parameter, m, v, lr, beta1, beta2, eps, step)
napi_value adamStep(const Call& call) {
  const std::size_t length = call.count(0);
  const float* gradient = call.floats(1, length);
  float *parameter = call.floats(2, length), *m = call.floats(3, length), *v = call.floats(4, length);
  const double lr = call.number(5), beta1 = call.number(6), beta2 = call.number(7);
  const double step = static_cast<double>(call.count(9));
  AdamStep s = {};
  s.decay1 = static_cast<float>(beta1);
  s.share1 = static_cast<float>(1 - beta1);
  s.decay2 = static_cast<float>(beta2);
  s.share2 = static_cast<float>(1 - beta2);
  s.rate = static_cast<float>(lr / (1 - std::pow(beta1, step)));
  s.inverseRootCorrection2 = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, step)));
  s.eps = static_cast<float>(call.number(8));
  forLength(length, [&](std::size_t at, std::size_t count) {
    elementwise().adam(s, gradient + at, parameter + at, m + at, v + at, count);
  });
  return call.undefined();
}

}  // namespace

void registerElementwise(napi_env env, napi_value exports) {
  defineFunction<unary>(env, exports, "unary");
  defineFunction<binary>(env, exports, "binary");
  defineFunction<affine>(env, exports, "affine");
  defineFunction<axpy>(env, exports, "axpy");
  defineFunction<clamp>(env, exports, "clamp");
  defineFunction<reduce>(env, exports, "reduce");
  defineFunction<dot>(env, exports, "dot");
  defineFunction<allFinite>(env, exports, "allFinite");
  defineFunction<logDensity>(env, exports, "logDensity");
  defineFunction<logDensityBackward>(env, exports, "logDensityBackward");
  defineFunction<inverseLogDensity>(env, exports, "inverseLogDensity");
  defineFunction<inverseLogDensityBackward>(env, exports, "inverseLogDensityBackward");
  defineFunction<softDiceForward>(env, exports, "softDiceForward");
  defineFunction<softDiceBackward>(env, exports, "softDiceBackward");
  defineFunction<densityL1Forward>(env, exports, "densityL1Forward");
  defineFunction<densityL1Backward>(env, exports, "densityL1Backward");
  defineFunction<adamStep>(env, exports, "adamStep");
}

}  // namespace neuroloom
