// Element-wise operations, reductions, losses that are sums over voxels, and Adam, over plain ranges.
#pragma once
#include <stddef.h>

namespace neuroloom {

// The order is that of the names in src/native/elementwise.ts.
enum class Unary { kNegative, kAbsolute, kSquare, kSqrt, kReciprocal, kExp, kExpm1, kLog, kLog1p, kCount };
enum class Binary { kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kCount };
enum class Reduction { kSum, kSumOfSquares, kCount };

struct DiceSums {
  double product, squareA, squareB;
};

struct AdamStep {
  float decay1, share1, decay2, share2;  // beta and 1 - beta of the two moments
  float rate;                            // learning rate over the bias correction of the first moment
  float inverseRootCorrection2;          // 1 / sqrt of the bias correction of the second
  float eps;
};

struct ElementwiseKernels {
  void (*unary)(Unary op, const float* x, float* out, size_t length);
  void (*binary)(Binary op, const float* a, const float* b, float* out, size_t length);
  void (*affine)(const float* x, float factor, float term, float* out, size_t length);  // factor * x + term
  void (*axpy)(float factor, const float* x, float* y, size_t length);                  // y += factor * x
  void (*clamp)(const float* x, float low, float high, float* out, size_t length);      // NaN stays
  double (*reduce)(Reduction op, const float* x, size_t length);
  double (*dot)(const float* a, const float* b, size_t length);
  bool (*allFinite)(const float* x, size_t length);
  // log1p(x / offset) * factor, its inverse, and their gradients.
  void (*logDensity)(const float* x, double offset, double factor, float* out, size_t length);
  void (*logDensityBackward)(const float* x, const float* dy, double offset, double factor, float* dx, size_t length);
  void (*inverseLogDensity)(const float* t, double offset, double factor, float* out, size_t length);
  void (*inverseLogDensityBackward)(const float* t, const float* dy, double offset, double factor, float* dx,
                                    size_t length);
  // Weighted sums of the soft Dice loss; weight 1 where s > threshold, else offWeight.
  DiceSums (*dice)(const float* a, const float* b, const float* s, float threshold, float offWeight, size_t length);
  // da = weight * (factorB * b + factorA * a)
  void (*diceBackward)(const float* a, const float* b, const float* s, float threshold, float offWeight, float factorB,
                       float factorA, float* da, size_t length);
  double (*absoluteDifference)(const float* a, const float* b, size_t length);
  // factor * sign(a - b)
  void (*signedDifference)(const float* a, const float* b, float factor, float* out, size_t length);
  void (*adam)(const AdamStep& step, const float* gradient, float* parameter, float* m, float* v, size_t length);
};

}  // namespace neuroloom
