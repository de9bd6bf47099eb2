namespace neuroloom {
namespace NL_ISA {

// ---- exponential and logarithm -----------------------------------------------------------------------------------
// Evaluated in double precision on half vectors: the result is the float nearest to the true value but for a few cases
// in a million, without the care that a float polynomial needs near 0.

constexpr double kLn2 = 0.693147180559945309417;
constexpr double kLog2E = 1.44269504088896340736;
// 1.5 * 2^52: adding it rounds to an integer, which then stands in the low bits.
constexpr double kRounder = 6755399441055744.0;

struct Exponential {
  WideVec power, rest;  // exp(x) = power * (1 + rest)
};

NL_INLINE Exponential exponential(WideVec x) {
  // Beyond these the float result is 0 or infinite, and the double one still is not.
  const WideVec low = broadcastDouble(-150.0), high = broadcastDouble(150.0);
  x = x < low ? low : x;
  x = x > high ? high : x;
  const WideVec shifted = x * kLog2E + kRounder;
  const WideVec r = x - (shifted - kRounder) * kLn2;
  const LongVec k = (LongVec)shifted - (LongVec)broadcastDouble(kRounder);
  Exponential e;
  e.power = (WideVec)((k + 1023) << 52);
  // exp(r) - 1 for |r| <= ln 2 / 2; the first term left out is below 1e-11 of the result.
  WideVec p = r * (1.0 / 362880) + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  e.rest = p * r * r + r;
  return e;
}

NL_INLINE WideVec expDouble(WideVec x) {
  const Exponential e = exponential(x);
  return e.power + e.power * e.rest;
}

NL_INLINE WideVec expm1Double(WideVec x) {
  const Exponential e = exponential(x);
  return (e.power - 1.0) + e.power * e.rest;
}

// log(y), where y is 1 + t or (hasT false) y itself. t keeps the digits that 1 + t has lost.
NL_INLINE WideVec logDouble(WideVec y, WideVec t, bool hasT) {
  typedef unsigned long long Bits __attribute__((vector_size(NL_LANES * 4)));
  const WideVec zero = {}, infinite = broadcastDouble(__builtin_inf());
  const Bits halfRoot = (Bits)broadcastDouble(0.70710678118654752440);
  const Bits whole = (Bits)broadcastDouble(4503599627370496.0);
  // y = 2^k m with m in [sqrt(1/2), sqrt(2)); k + 1024 is never negative.
  const Bits biased = ((Bits)y - halfRoot + ((Bits){} + (1024ull << 52))) >> 52;
  const WideVec k = (WideVec)(biased + whole) - (4503599627370496.0 + 1024.0);
  const WideVec m = (WideVec)((Bits)y - ((biased - 1024) << 52));
  WideVec f = m - 1.0;
  if (hasT) f = k == zero ? t : f;
  const WideVec s = f / (f + 2.0), z = s * s;
  // 2 artanh(s), s <= 0.1716: the first term left out is below 1e-10 of the result.
  WideVec p = z * (1.0 / 11) + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  const WideVec result = k * kLn2 + (s + s) * (p * z + 1.0);
  const WideVec outside = y == zero ? -infinite : broadcastDouble(__builtin_nan(""));
  return y > zero ? (y == infinite ? infinite : result) : outside;
}

// Applies `body` (WideVec to WideVec of up to two inputs) to a range.
#define NL_MAP_DOUBLE(length, first, second, out, body)                                             \
  do {                                                                                              \
    size_t i_ = 0;                                                                                  \
    for (; i_ + kHalfLanes <= (length); i_ += kHalfLanes) {                                         \
      const WideVec a = widen((first) + i_), b = widen((second) + i_);                            \
      (void)b;                                                                                      \
      storeNarrow((out) + i_, body);                                                                \
    }                                                                                               \
    if (i_ < (length)) {                                                                            \
      float part_[3][NL_LANES / 2] = {};                                                            \
      const size_t left_ = (length) - i_;                                                           \
      for (size_t l_ = 0; l_ < left_; l_++) part_[0][l_] = (first)[i_ + l_], part_[1][l_] = (second)[i_ + l_]; \
      const WideVec a = widen(part_[0]), b = widen(part_[1]);                                     \
      (void)b;                                                                                      \
      storeNarrow(part_[2], body);                                                                  \
      for (size_t l_ = 0; l_ < left_; l_++) (out)[i_ + l_] = part_[2][l_];                          \
    }                                                                                               \
  } while (0)

// ---- maps ----------------------------------------------------------------------------------------------------------

static void unary(Unary op, const float* x, float* out, size_t length) {
  switch (op) {
    case Unary::kNegative:
      for (size_t i = 0; i < length; i++) out[i] = -x[i];
      return;
    case Unary::kAbsolute:
      for (size_t i = 0; i < length; i++) out[i] = __builtin_fabsf(x[i]);
      return;
    case Unary::kSquare:
      for (size_t i = 0; i < length; i++) out[i] = x[i] * x[i];
      return;
    case Unary::kSqrt:
      for (size_t i = 0; i < length; i++) out[i] = __builtin_sqrtf(x[i]);
      return;
    case Unary::kReciprocal:
      for (size_t i = 0; i < length; i++) out[i] = 1.0f / x[i];
      return;
    case Unary::kExp:
      NL_MAP_DOUBLE(length, x, x, out, expDouble(a));
      return;
    case Unary::kExpm1:
      NL_MAP_DOUBLE(length, x, x, out, expm1Double(a));
      return;
    case Unary::kLog:
      NL_MAP_DOUBLE(length, x, x, out, logDouble(a, a, false));
      return;
    case Unary::kLog1p:
      NL_MAP_DOUBLE(length, x, x, out, logDouble(a + 1.0, a, true));
      return;
    case Unary::kCount:
      return;
  }
}

// Result `vec` of lanes from i on, or `one` of element i; in place or apart.
#define NL_MAP(length, out, vec, one)                                      \
  do {                                                                     \
    size_t i = 0;                                                          \
    for (; i + kLanes <= (length); i += kLanes) store((out) + i, vec);     \
    for (; i < (length); i++) (out)[i] = one;                              \
  } while (0)

static void binary(Binary op, const float* a, const float* b, float* out, size_t length) {
  switch (op) {
    case Binary::kAdd:
      NL_MAP(length, out, load(a + i) + load(b + i), a[i] + b[i]);
      return;
    case Binary::kSubtract:
      NL_MAP(length, out, load(a + i) - load(b + i), a[i] - b[i]);
      return;
    case Binary::kMultiply:
      NL_MAP(length, out, load(a + i) * load(b + i), a[i] * b[i]);
      return;
    case Binary::kDivide:
      NL_MAP(length, out, load(a + i) / load(b + i), a[i] / b[i]);
      return;
    // A NaN on either side wins: a comparison with NaN is false.
    case Binary::kMaximum:
      for (size_t i = 0; i < length; i++) out[i] = a[i] > b[i] || a[i] != a[i] ? a[i] : b[i];
      return;
    case Binary::kMinimum:
      for (size_t i = 0; i < length; i++) out[i] = a[i] < b[i] || a[i] != a[i] ? a[i] : b[i];
      return;
    case Binary::kCount:
      return;
  }
}

static void affine(const float* x, float factor, float term, float* out, size_t length) {
  NL_MAP(length, out, load(x + i) * factor + term, x[i] * factor + term);
}

static void axpy(float factor, const float* x, float* y, size_t length) {
  NL_MAP(length, y, load(y + i) + load(x + i) * factor, y[i] + x[i] * factor);
}

static void clampRange(const float* x, float low, float high, float* out, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const float raised = x[i] < low ? low : x[i];
    out[i] = raised > high ? high : raised;
  }
}

static void logDensity(const float* x, double offset, double factor, float* out, size_t length) {
  const double inverse = 1.0 / offset;
  NL_MAP_DOUBLE(length, x, x, out, logDouble(a * inverse + 1.0, a * inverse, true) * factor);
}

static void logDensityBackward(const float* x, const float* dy, double offset, double factor, float* dx, size_t length) {
  NL_MAP_DOUBLE(length, x, dy, dx, b * factor / (a + offset));
}

static void inverseLogDensity(const float* t, double offset, double factor, float* out, size_t length) {
  NL_MAP_DOUBLE(length, t, t, out, expm1Double(a * factor) * offset);
}

static void inverseLogDensityBackward(const float* t, const float* dy, double offset, double factor, float* dx,
                                      size_t length) {
  const double slope = offset * factor;
  NL_MAP_DOUBLE(length, t, dy, dx, expDouble(a * factor) * b * slope);
}

// ---- sums ------------------------------------------------------------------------------------------------------------

// Sum of `body` over a range in double precision, in four interleaved totals to hide the latency of additions.
#define NL_SUM_DOUBLE(total, length, first, second, body)                              \
  do {                                                                                 \
    WideVec totals_[4] = {};                                                         \
    size_t i_ = 0;                                                                     \
    for (; i_ + 4 * kHalfLanes <= (length); i_ += 4 * kHalfLanes) {                    \
      for (int k_ = 0; k_ < 4; k_++) {                                                 \
        const WideVec a = widen((first) + i_ + k_ * kHalfLanes), b = widen((second) + i_ + k_ * kHalfLanes); \
        (void)b;                                                                       \
        totals_[k_] += body;                                                           \
      }                                                                                \
    }                                                                                  \
    total = sumLanes((totals_[0] + totals_[1]) + (totals_[2] + totals_[3]));           \
    for (; i_ < (length); i_++) {                                                      \
      const double a = (first)[i_], b = (second)[i_];                                  \
      (void)b;                                                                         \
      total += body;                                                                   \
    }                                                                                  \
  } while (0)

static double reduce(Reduction op, const float* x, size_t length) {
  double total = 0;
  if (op == Reduction::kSum) NL_SUM_DOUBLE(total, length, x, x, a);
  else NL_SUM_DOUBLE(total, length, x, x, a * a);
  return total;
}

static double dotProduct(const float* x, const float* y, size_t length) {
  double total = 0;
  NL_SUM_DOUBLE(total, length, x, y, a * b);
  return total;
}

static bool allFinite(const float* x, size_t length) {
  // x - x is 0 for a finite number and NaN for any other; NaN stays in a sum.
  float totals[NL_LANES] = {};
  size_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    for (int l = 0; l < kLanes; l++) totals[l] += x[i + l] - x[i + l];
  }
  for (; i < length; i++) totals[0] += x[i] - x[i];
  for (int l = 0; l < kLanes; l++) {
    if (totals[l] != totals[l]) return false;
  }
  return true;
}

static DiceSums diceSums(const float* a, const float* b, const float* s, float threshold, float offWeight, size_t length) {
  WideVec product = {}, squareA = {}, squareB = {};
  const WideVec limit = broadcastDouble(threshold), one = broadcastDouble(1.0), off = broadcastDouble(offWeight);
  float part[3][NL_LANES / 2];
  for (size_t i = 0; i < length; i += kHalfLanes) {
    const float *pa = a + i, *pb = b + i, *ps = s + i;
    if (length - i < (size_t)kHalfLanes) {
      for (int l = 0; l < kHalfLanes; l++) {
        const bool inside = i + l < length;
        part[0][l] = inside ? pa[l] : 0, part[1][l] = inside ? pb[l] : 0, part[2][l] = inside ? ps[l] : 0;
      }
      pa = part[0], pb = part[1], ps = part[2];
    }
    const WideVec va = widen(pa), vb = widen(pb), weight = widen(ps) > limit ? one : off;
    product += weight * va * vb;
    squareA += weight * va * va;
    squareB += weight * vb * vb;
  }
  return {sumLanes(product), sumLanes(squareA), sumLanes(squareB)};
}

static void diceBackward(const float* a, const float* b, const float* s, float threshold, float offWeight, float factorB,
                         float factorA, float* da, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const float weight = s[i] > threshold ? 1.0f : offWeight;
    da[i] = weight * (factorB * b[i] + factorA * a[i]);
  }
}

static double absoluteDifference(const float* x, const float* y, size_t length) {
  double total = 0, rest = 0;
  WideVec totals = {};
  size_t i = 0;
  for (; i + kHalfLanes <= length; i += kHalfLanes) {
    const WideVec difference = widen(x + i) - widen(y + i);
    totals += difference < (WideVec){} ? -difference : difference;
  }
  for (; i < length; i++) rest += __builtin_fabs((double)x[i] - (double)y[i]);
  total = sumLanes(totals) + rest;
  return total;
}

static void signedDifference(const float* a, const float* b, float factor, float* out, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const float difference = a[i] - b[i];
    // 0 and NaN stay what they are.
    out[i] = difference > 0 ? factor : difference < 0 ? -factor : difference;
  }
}

static void adamStep(const AdamStep& step, const float* gradient, float* parameter, float* m, float* v, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const float g = gradient[i];
    const float first = step.decay1 * m[i] + step.share1 * g, second = step.decay2 * v[i] + step.share2 * g * g;
    m[i] = first;
    v[i] = second;
    parameter[i] -= step.rate * (first / (__builtin_sqrtf(second) * step.inverseRootCorrection2 + step.eps));
  }
}

static const ElementwiseKernels kElementwiseKernels = {
    unary,      binary,     affine,          axpy,
    clampRange, reduce,     dotProduct,      allFinite,
    logDensity, logDensityBackward, inverseLogDensity, inverseLogDensityBackward,
    diceSums,   diceBackward, absoluteDifference, signedDifference,
    adamStep};

}  // namespace NL_ISA
}  // namespace neuroloom
