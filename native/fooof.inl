// Fits of the FOOOF model, see fooof.h. The methods, their constants and the order of their steps are those of
// src/numerics/optimise (bounded-trust-region.ts, trust-region-subproblem.ts, step-choice.ts, marquardt.ts) and of
// src/numerics/fooof (gaussian-sum.ts, aperiodic.ts), which say where they come from: what is changed there is changed here.
namespace neuroloom {
namespace NL_ISA {

constexpr size_t kFooofLanes = kHalfLanes;
constexpr double kFooofEpsilon = 2.220446049250313e-16;
constexpr double kFooofLn10Inverse = 0.43429448190325182765;
// Beyond this many standard deviations a Gaussian is below 1e-16 of its height, the product of two below 1e-13.
constexpr double kFooofReach = 8.6;
constexpr double kFooofPairReach = 7.8;
// Standard deviations in a full width at half maximum: 1 / (2 sqrt(2 ln 2)).
constexpr double kFooofSdPerFwhm = 0.42466090014400952136;
// A frequency at which every Gaussian is 0 and whose fourth power is finite.
constexpr double kFooofFar = 1e30;

NL_INLINE double fooofSqrt(double v) { return __builtin_sqrt(v); }
NL_INLINE double fooofAbs(double v) { return __builtin_fabs(v); }
NL_INLINE double fooofMax(double a, double b) { return a > b ? a : b; }
NL_INLINE double fooofMin(double a, double b) { return a < b ? a : b; }
NL_INLINE bool fooofFinite(double v) { return fooofAbs(v) <= 1.7976931348623157e308; }
NL_INLINE size_t fooofLargest(size_t a, size_t b) { return a > b ? a : b; }
NL_INLINE size_t fooofSmallest(size_t a, size_t b) { return a < b ? a : b; }
NL_INLINE size_t fooofVectors(size_t count) { return (count + kFooofLanes - 1) / kFooofLanes; }

// Sum of the lanes, halves first: several times shorter than one after the other.
NL_INLINE double fooofSum(WideVec v) {
#if defined(NL_AVX512)
  const __m256d half = _mm256_add_pd(_mm512_castpd512_pd256((__m512d)v), _mm512_extractf64x4_pd((__m512d)v, 1));
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
  return pair[0] + pair[1];
#elif defined(NL_AVX2)
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128((__m256d)v), _mm256_extractf128_pd((__m256d)v, 1));
  return pair[0] + pair[1];
#else
  return sumLanes(v);
#endif
}

static double fooofNorm(const double* v, size_t size) {
  double sum = 0;
  for (size_t i = 0; i < size; i++) sum += v[i] * v[i];
  return fooofSqrt(sum);
}

// Neighbour of a finite number, away from or towards minus infinity.
static double fooofNextUp(double value) {
  if (value == 0) return 4.9406564584124654e-324;
  long long bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  bits += value > 0 ? 1 : -1;
  __builtin_memcpy(&value, &bits, sizeof bits);
  return value;
}
static double fooofNextDown(double value) { return -fooofNextUp(-value); }

// exp(x) of any x to a few units of the last place: 0 below -708, infinite above 709.
NL_INLINE WideVec fooofExp(WideVec exponent) {
  const WideVec low = broadcastDouble(-708.0), high = broadcastDouble(709.0);
  WideVec x = exponent < low ? low : exponent;
  x = x > high ? high : x;
  const WideVec shifted = x * kLog2E + kRounder, k = shifted - kRounder;
  // ln 2 in two parts: k times the first is exact.
  const WideVec r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  WideVec p = r * (1.0 / 479001600) + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r * r + r;
  const LongVec power = (LongVec)shifted - (LongVec)broadcastDouble(kRounder);
  const WideVec scale = (WideVec)((power + 1023) << 52), value = scale + scale * p;
  const WideVec bounded = exponent < low ? (WideVec){} : value;
  return exponent > high ? broadcastDouble(__builtin_inf()) : bounded;
}

// ln(x): -infinity at 0, NaN below it; subnormal numbers count as 0.
NL_INLINE WideVec fooofLog(WideVec x) {
  const LongVec bits = (LongVec)x;
  // The mantissa in [sqrt(1/2), sqrt 2) and its power of two.
  const LongVec shifted = bits - 0x3fe6a09e667f3bcdLL;
  const LongVec power = shifted >> 52;
  const WideVec m = (WideVec)(bits - (power << 52));
  const WideVec e = (WideVec)(power + (LongVec)broadcastDouble(kRounder)) - kRounder;
  const WideVec s = (m - 1.0) / (m + 1.0), z = s * s;
  WideVec p = z * (2.0 / 23) + 2.0 / 21;
  p = p * z + 2.0 / 19;
  p = p * z + 2.0 / 17;
  p = p * z + 2.0 / 15;
  p = p * z + 2.0 / 13;
  p = p * z + 2.0 / 11;
  p = p * z + 2.0 / 9;
  p = p * z + 2.0 / 7;
  p = p * z + 2.0 / 5;
  p = p * z + 2.0 / 3;
  WideVec value = e * 0.693147180369123816490 + (2.0 * s + (s * z * p + e * 1.90821492927058770002e-10));
  value = x < broadcastDouble(2.2250738585072014e-308) ? broadcastDouble(-__builtin_inf()) : value;
  value = x < (WideVec){} ? broadcastDouble(__builtin_nan("")) : value;
  value = x == broadcastDouble(__builtin_inf()) ? x : value;
  return x == x ? value : x;
}

// ---- small symmetric systems in blocks of three (optimise/cholesky.ts) ----

// Lower triangle by rows; row i may be non-zero from first[i] on, the same within a block of three rows.
struct FooofTriangle {
  double* values;
  const int* first;
  int size;
};

// Factor of matrix + shift I with the diagonal inverted; false where that is not positive definite.
static bool fooofFactor(const FooofTriangle& matrix, double shift, double* factor) {
  const int size = matrix.size;
  for (int i = 0; i < size; i += 3) {
    const double* m0 = matrix.values + (long)i * size;
    const double* m1 = m0 + size;
    const double* m2 = m1 + size;
    double* r0 = factor + (long)i * size;
    double* r1 = r0 + size;
    double* r2 = r1 + size;
    const int start = matrix.first[i];
    for (int j = start; j < i; j += 3) {
      const double* c0 = factor + (long)j * size;
      const double* c1 = c0 + size;
      const double* c2 = c1 + size;
      double s00 = m0[j], s01 = m0[j + 1], s02 = m0[j + 2];
      double s10 = m1[j], s11 = m1[j + 1], s12 = m1[j + 2];
      double s20 = m2[j], s21 = m2[j + 1], s22 = m2[j + 2];
      const int from = start > matrix.first[j] ? start : matrix.first[j];
      for (int k = from; k < j; k++) {
        const double a0 = r0[k], a1 = r1[k], a2 = r2[k], b0 = c0[k], b1 = c1[k], b2 = c2[k];
        s00 -= a0 * b0;
        s01 -= a0 * b1;
        s02 -= a0 * b2;
        s10 -= a1 * b0;
        s11 -= a1 * b1;
        s12 -= a1 * b2;
        s20 -= a2 * b0;
        s21 -= a2 * b1;
        s22 -= a2 * b2;
      }
      const double d0 = c0[j], l10 = c1[j], d1 = c1[j + 1], l20 = c2[j], l21 = c2[j + 1], d2 = c2[j + 2];
      s00 *= d0;
      s10 *= d0;
      s20 *= d0;
      s01 = (s01 - s00 * l10) * d1;
      s11 = (s11 - s10 * l10) * d1;
      s21 = (s21 - s20 * l10) * d1;
      r0[j] = s00;
      r1[j] = s10;
      r2[j] = s20;
      r0[j + 1] = s01;
      r1[j + 1] = s11;
      r2[j + 1] = s21;
      r0[j + 2] = (s02 - s00 * l20 - s01 * l21) * d2;
      r1[j + 2] = (s12 - s10 * l20 - s11 * l21) * d2;
      r2[j + 2] = (s22 - s20 * l20 - s21 * l21) * d2;
    }
    double s00 = m0[i] + shift, s10 = m1[i], s11 = m1[i + 1] + shift;
    double s20 = m2[i], s21 = m2[i + 1], s22 = m2[i + 2] + shift;
    for (int k = start; k < i; k++) {
      const double a0 = r0[k], a1 = r1[k], a2 = r2[k];
      s00 -= a0 * a0;
      s10 -= a1 * a0;
      s11 -= a1 * a1;
      s20 -= a2 * a0;
      s21 -= a2 * a1;
      s22 -= a2 * a2;
    }
    if (!(s00 > 0)) return false;
    const double d0 = 1 / fooofSqrt(s00);
    s10 *= d0;
    s20 *= d0;
    s11 -= s10 * s10;
    if (!(s11 > 0)) return false;
    const double d1 = 1 / fooofSqrt(s11);
    s21 = (s21 - s20 * s10) * d1;
    s22 -= s20 * s20 + s21 * s21;
    if (!(s22 > 0)) return false;
    r0[i] = d0;
    r1[i] = s10;
    r1[i + 1] = d1;
    r2[i] = s20;
    r2[i + 1] = s21;
    r2[i + 2] = 1 / fooofSqrt(s22);
  }
  return true;
}

// out = L^-1 right; may be the same array. Three rows at a time, so that their sums do not wait for each other.
static void fooofLower(const FooofTriangle& factor, const double* right, double* out) {
  for (int i = 0; i < factor.size; i += 3) {
    const double* r0 = factor.values + (long)i * factor.size;
    const double* r1 = r0 + factor.size;
    const double* r2 = r1 + factor.size;
    double s0 = right[i], s1 = right[i + 1], s2 = right[i + 2];
    for (int k = factor.first[i]; k < i; k++) {
      const double value = out[k];
      s0 -= r0[k] * value;
      s1 -= r1[k] * value;
      s2 -= r2[k] * value;
    }
    s0 *= r0[i];
    s1 = (s1 - r1[i] * s0) * r1[i + 1];
    out[i] = s0;
    out[i + 1] = s1;
    out[i + 2] = (s2 - r2[i] * s0 - r2[i + 1] * s1) * r2[i + 2];
  }
}

// In place: L'^-1.
static void fooofUpper(const FooofTriangle& factor, double* values) {
  for (int i = factor.size - 3; i >= 0; i -= 3) {
    const double* r0 = factor.values + (long)i * factor.size;
    const double* r1 = r0 + factor.size;
    const double* r2 = r1 + factor.size;
    const double v2 = values[i + 2] * r2[i + 2];
    const double v1 = (values[i + 1] - r2[i + 1] * v2) * r1[i + 1];
    const double v0 = (values[i] - r2[i] * v2 - r1[i] * v1) * r0[i];
    values[i] = v0;
    values[i + 1] = v1;
    values[i + 2] = v2;
    for (int k = factor.first[i]; k < i; k++) values[k] -= r0[k] * v0 + r1[k] * v1 + r2[k] * v2;
  }
}

// ---- the peaks (fooof/gaussian-sum.ts), alone or above an aperiodic part (fooof/joint-model.ts) ----

// Everything of one point of the fit; rows of the shape are `stride` apart.
struct FooofPoint {
  double* residual;  // (stride)
  double* shape;     // (peaks, stride): exp(-(f - c)^2 / (2 s^2)) within from and to
  double* x;         // (order)
  double* raised;    // (stride): f^exponent of a bend
  size_t* from;      // (peaks), in vectors
  size_t* to;        // behind the last
};

struct FooofModel {
  size_t bins, stride, peaks, order;
  FooofBase base;
  double start, resolution;
  double* frequencies;  // (stride), far behind the last bin
  double* target;       // (stride), 0 behind the last bin
  double *ln, *log10;   // (stride), 0 behind the last bin
  double* columns;      // (3, stride): slopes of the base by offset, exponent, knee; 0 behind the last bin
  FooofPoint current, pending;
};

// Vectors that a peak reaches.
NL_INLINE void fooofReach(const FooofModel& m, double center, double width, size_t* from, size_t* to) {
  *from = 0;
  *to = fooofVectors(m.bins);
  if (!(m.resolution > 0)) return;
  const double place = (center - m.start) / m.resolution, reach = kFooofReach * width / m.resolution;
  const double low = place - reach, high = place + reach, last = (double)(m.bins - 1);
  if (low > 0) *from = (size_t)fooofMin(low, last) / kFooofLanes;
  if (high < last) *to = (size_t)fooofMax(high + 1, 0) / kFooofLanes + 1;
}

// Base minus target, into the pending residual. The first column is 1 where there is a bin.
static void fooofBase(FooofModel& m, const double* x) {
  for (size_t i = 0; i < m.stride; i += kFooofLanes) {
    const WideVec target = loadDouble(m.target + i);
    WideVec level = {};
    if (m.base == kFooofLine) level = x[0] - x[1] * loadDouble(m.log10 + i);
    if (m.base == kFooofBend) {
      const WideVec raised = fooofExp(x[1] * loadDouble(m.ln + i));
      storeDouble(m.pending.raised + i, raised);
      level = x[0] - fooofLog(x[2] + raised) * kFooofLn10Inverse;
    }
    const WideVec difference = level - target;
    const bool isPlain = m.base == kFooofNothing;
    const WideVec counted = loadDouble(m.columns + i) > 0.0 ? difference : (WideVec){};
    storeDouble(m.pending.residual + i, isPlain ? difference : counted);
  }
}

// Vectors after which a run of Gaussian values starts anew: its rounding stays below 2e-14.
constexpr size_t kFooofRun = 16;

// exp(-(f - c)^2 / (2 s^2)) of the vectors from `from` on into shape, and with its height into sum. With equal steps the values of
// a lane follow from each other: their ratio changes by a constant factor from vector to vector.
static void fooofShape(const FooofModel& m, const double* peak, size_t from, size_t to, double* shape, double* sum) {
  const double center = peak[0], height = peak[1], factor = -0.5 / (peak[2] * peak[2]);
  const double step = (double)kFooofLanes * m.resolution;
  size_t i = from;
  if (m.resolution > 0 && step <= 2 * peak[2]) {
    const size_t full = fooofSmallest(to, m.bins / kFooofLanes);
    const WideVec bend = prfExp(broadcastDouble(2 * factor * step * step));
    while (i < full) {
      const WideVec u = loadDouble(m.frequencies + i * kFooofLanes) - center;
      WideVec e = prfExp(u * u * factor), ratio = fooofExp((2.0 * u + step) * (factor * step));
      for (const size_t end = fooofSmallest(i + kFooofRun, full); i < end; i++) {
        storeDouble(shape + i * kFooofLanes, e);
        storeDouble(sum + i * kFooofLanes, loadDouble(sum + i * kFooofLanes) + height * e);
        e *= ratio;
        ratio *= bend;
      }
    }
  }
  for (; i < to; i++) {
    const WideVec u = loadDouble(m.frequencies + i * kFooofLanes) - center, e = prfExp(u * u * factor);
    storeDouble(shape + i * kFooofLanes, e);
    storeDouble(sum + i * kFooofLanes, loadDouble(sum + i * kFooofLanes) + height * e);
  }
}

static double fooofEvaluate(FooofModel& m, const double* x) {
  FooofPoint& p = m.pending;
  const size_t vectors = fooofVectors(m.bins);
  fooofBase(m, x + 3 * m.peaks);
  for (size_t peak = 0; peak < m.peaks; peak++) {
    fooofReach(m, x[3 * peak], x[3 * peak + 2], p.from + peak, p.to + peak);
    fooofShape(m, x + 3 * peak, p.from[peak], p.to[peak], p.shape + peak * m.stride, p.residual);
  }
  for (size_t i = 0; i < m.order; i++) p.x[i] = x[i];
  WideVec sum = {};
  for (size_t i = 0; i < vectors; i++) {
    const WideVec r = loadDouble(p.residual + i * kFooofLanes);
    sum += r * r;
  }
  return 0.5 * fooofSum(sum);
}

NL_INLINE void fooofAccept(FooofModel& m) {
  const FooofPoint current = m.current;
  m.current = m.pending;
  m.pending = current;
}

// Gradient of a peak and its own block of J'J.
static void fooofOwnBlock(const FooofModel& m, size_t peak, double* gradient, double* hessian) {
  const FooofPoint& p = m.current;
  const double center = p.x[3 * peak], height = p.x[3 * peak + 1], width = p.x[3 * peak + 2];
  const double* shape = p.shape + peak * m.stride;
  WideVec g0 = {}, g1 = {}, g2 = {}, m0 = {}, m1 = {}, m2 = {}, m3 = {}, m4 = {};
  for (size_t i = p.from[peak]; i < p.to[peak]; i++) {
    const WideVec u = loadDouble(m.frequencies + i * kFooofLanes) - center, e = loadDouble(shape + i * kFooofLanes);
    const WideVec q = e * loadDouble(p.residual + i * kFooofLanes), qu = q * u;
    const WideVec w = e * e, wu = w * u, wu2 = wu * u, wu3 = wu2 * u;
    g0 += q;
    g1 += qu;
    g2 += qu * u;
    m0 += w;
    m1 += wu;
    m2 += wu2;
    m3 += wu3;
    m4 += wu3 * u;
  }
  const double toCenter = height / (width * width), toWidth = toCenter / width;
  gradient[3 * peak] = toCenter * fooofSum(g1);
  gradient[3 * peak + 1] = fooofSum(g0);
  gradient[3 * peak + 2] = toWidth * fooofSum(g2);
  const size_t size = m.order;
  double* row = hessian + 3 * peak * size + 3 * peak;
  const double second = fooofSum(m2);
  row[0] = toCenter * toCenter * second;
  row[size] = toCenter * fooofSum(m1);
  row[size + 1] = fooofSum(m0);
  row[2 * size] = toCenter * toWidth * fooofSum(m3);
  row[2 * size + 1] = toWidth * second;
  row[2 * size + 2] = toWidth * toWidth * fooofSum(m4);
}

// Block of J'J of two peaks, rows of `peak`; false where they do not touch.
static bool fooofPairBlock(const FooofModel& m, size_t peak, size_t other, double* hessian) {
  const FooofPoint& p = m.current;
  const double center = p.x[3 * peak], width = p.x[3 * peak + 2];
  const double otherWidth = p.x[3 * other + 2], shift = center - p.x[3 * other];
  const bool touches = fooofAbs(shift) < kFooofPairReach * fooofSqrt(width * width + otherWidth * otherWidth);
  WideVec v0 = {}, v1 = {}, v2 = {}, v3 = {}, v4 = {};
  if (touches) {
    const double* shape = p.shape + peak * m.stride;
    const double* otherShape = p.shape + other * m.stride;
    // The product is a Gaussian as well, between the two and narrower than either.
    const double own = 1 / (width * width), others = 1 / (otherWidth * otherWidth), precision = own + others;
    const double left = kFooofReach * kFooofReach - shift * shift / (width * width + otherWidth * otherWidth);
    size_t from, to;
    fooofReach(m, center - shift * others / precision, fooofSqrt(left / precision) / kFooofReach, &from, &to);
    from = fooofLargest(from, fooofLargest(p.from[peak], p.from[other]));
    to = fooofSmallest(to, fooofSmallest(p.to[peak], p.to[other]));
    for (size_t i = from; i < to; i++) {
      const WideVec u = loadDouble(m.frequencies + i * kFooofLanes) - center;
      const WideVec w = loadDouble(shape + i * kFooofLanes) * loadDouble(otherShape + i * kFooofLanes);
      const WideVec wu = w * u, wu2 = wu * u, wu3 = wu2 * u;
      v0 += w;
      v1 += wu;
      v2 += wu2;
      v3 += wu3;
      v4 += wu3 * u;
    }
  }
  const double m0 = fooofSum(v0), m1 = fooofSum(v1), m2 = fooofSum(v2), m3 = fooofSum(v3), m4 = fooofSum(v4);
  // Moments of u^a v^b with v = u + shift, the distance from the other centre.
  const double uv = m2 + shift * m1, b1 = m1 + shift * m0, b2 = m2 + shift * (2 * m1 + shift * m0);
  const double uv2 = m3 + shift * (2 * m2 + shift * m1), u2v = m3 + shift * m2;
  const double u2v2 = m4 + shift * (2 * m3 + shift * m2);
  const double toCenter = p.x[3 * peak + 1] / (width * width), toWidth = toCenter / width;
  const double otherToCenter = p.x[3 * other + 1] / (otherWidth * otherWidth), otherToWidth = otherToCenter / otherWidth;
  const size_t size = m.order;
  double* row = hessian + 3 * peak * size + 3 * other;
  row[0] = toCenter * otherToCenter * uv;
  row[1] = toCenter * m1;
  row[2] = toCenter * otherToWidth * uv2;
  row[size] = otherToCenter * b1;
  row[size + 1] = m0;
  row[size + 2] = otherToWidth * b2;
  row[2 * size] = toWidth * otherToCenter * u2v;
  row[2 * size + 1] = toWidth * m2;
  row[2 * size + 2] = toWidth * otherToWidth * u2v2;
  return touches;
}

static double fooofDot(const double* a, const double* b, size_t stride) {
  WideVec sum = {};
  for (size_t i = 0; i < stride; i += kFooofLanes) sum += loadDouble(a + i) * loadDouble(b + i);
  return fooofSum(sum);
}

// Slopes of a bend by exponent and knee.
static void fooofBendColumns(const FooofModel& m) {
  const double knee = m.current.x[m.order - 1];
  double* byExponent = m.columns + m.stride;
  double* byKnee = byExponent + m.stride;
  for (size_t i = 0; i < m.stride; i += kFooofLanes) {
    const WideVec raised = loadDouble(m.current.raised + i), slope = -kFooofLn10Inverse / (knee + raised);
    const WideVec counted = loadDouble(m.columns + i) > 0.0 ? slope : (WideVec){};
    storeDouble(byKnee + i, counted);
    storeDouble(byExponent + i, counted * raised * loadDouble(m.ln + i));
  }
}

// The last three rows: offset, exponent, knee against every peak and each other.
static void fooofBaseRows(const FooofModel& m, double* gradient, double* hessian, int* first) {
  if (m.base == kFooofBend) fooofBendColumns(m);
  const FooofPoint& p = m.current;
  const size_t base = 3 * m.peaks;
  for (size_t k = 0; k < 3; k++) {
    const double* column = m.columns + k * m.stride;
    double* row = hessian + (base + k) * m.order;
    first[base + k] = 0;
    gradient[base + k] = fooofDot(column, p.residual, m.stride);
    for (size_t peak = 0; peak < m.peaks; peak++) {
      const double center = p.x[3 * peak], width = p.x[3 * peak + 2];
      const double* shape = p.shape + peak * m.stride;
      WideVec m0 = {}, m1 = {}, m2 = {};
      for (size_t i = p.from[peak]; i < p.to[peak]; i++) {
        const WideVec u = loadDouble(m.frequencies + i * kFooofLanes) - center;
        const WideVec w = loadDouble(shape + i * kFooofLanes) * loadDouble(column + i * kFooofLanes), wu = w * u;
        m0 += w;
        m1 += wu;
        m2 += wu * u;
      }
      const double toCenter = p.x[3 * peak + 1] / (width * width);
      row[3 * peak] = toCenter * fooofSum(m1);
      row[3 * peak + 1] = fooofSum(m0);
      row[3 * peak + 2] = toCenter / width * fooofSum(m2);
    }
    for (size_t other = 0; other <= k; other++) row[base + other] = fooofDot(column, m.columns + other * m.stride, m.stride);
  }
  // Without a bend the knee has no slope: a unit pivot keeps it where it is.
  if (m.base == kFooofLine) hessian[(base + 2) * m.order + base + 2] = 1;
}

static void fooofLinearise(const FooofModel& m, double* gradient, double* hessian, int* first) {
  for (size_t peak = 0; peak < m.peaks; peak++) {
    fooofOwnBlock(m, peak, gradient, hessian);
    size_t start = peak;
    for (size_t other = 0; other < peak; other++) {
      if (fooofPairBlock(m, peak, other, hessian) && other < start) start = other;
    }
    first[3 * peak] = first[3 * peak + 1] = first[3 * peak + 2] = (int)(3 * start);
  }
  if (m.base != kFooofNothing) fooofBaseRows(m, gradient, hessian, first);
}

// ---- the subproblem of a trust region (optimise/trust-region-subproblem.ts) ----

constexpr double kFooofRadiusTolerance = 0.01;
constexpr double kFooofLowestStart = 0.001;
constexpr int kFooofDampingRounds = 10;

struct FooofRegion {
  int size;
  int* first;
  double *scale, *gradient, *step, *work, *matrix, *factor;
  double damping;
  FooofTriangle system() const { return {matrix, first, size}; }
  FooofTriangle triangle() const { return {factor, first, size}; }
};

static void fooofAssemble(FooofRegion& t, const double* hessian, const double* gradient, const double* distance,
                          const double* slope) {
  for (int i = 0; i < t.size; i++) {
    const double own = fooofSqrt(distance[i]);
    t.scale[i] = own;
    t.gradient[i] = own * gradient[i];
    const double* from = hessian + (long)i * t.size;
    double* row = t.matrix + (long)i * t.size;
    for (int j = t.first[i]; j <= i; j++) row[j] = from[j] * own * t.scale[j];
    row[i] += gradient[i] * slope[i];
  }
}

// Solves with the factor at hand into step; its length.
static double fooofStepLength(FooofRegion& t) {
  for (int i = 0; i < t.size; i++) t.step[i] = -t.gradient[i];
  fooofLower(t.triangle(), t.step, t.step);
  fooofUpper(t.triangle(), t.step);
  return fooofNorm(t.step, (size_t)t.size);
}

static double fooofLengthSlope(FooofRegion& t, double length) {
  fooofLower(t.triangle(), t.step, t.work);
  const double inner = fooofNorm(t.work, (size_t)t.size);
  return -(inner * inner) / length;
}

static bool fooofFullRank(const FooofRegion& t, size_t residuals) {
  double largest = 0, smallest = __builtin_inf();
  for (int i = 0; i < t.size; i++) {
    const double inverse = t.factor[(long)i * t.size + i];
    if (inverse > largest) largest = inverse;
    if (inverse < smallest) smallest = inverse;
  }
  return smallest > kFooofEpsilon * (double)(residuals + (size_t)t.size) * largest;
}

static double fooofStartDamping(double lower, double upper) {
  return fooofMax(kFooofLowestStart * upper, fooofSqrt(lower * upper));
}

static void fooofSolveRegion(FooofRegion& t, double radius, size_t residuals) {
  const bool fullRank = fooofFactor(t.system(), 0, t.factor) && fooofFullRank(t, residuals);
  double upper = fooofNorm(t.gradient, (size_t)t.size) / radius, lower = 0;
  if (fullRank) {
    const double excess = fooofStepLength(t) - radius;
    if (excess <= 0) {
      t.damping = 0;
      return;
    }
    lower = -excess / fooofLengthSlope(t, excess + radius);
  }
  double damping = t.damping;
  if (!fullRank && damping == 0) damping = fooofStartDamping(lower, upper);
  for (int round = 0; round < kFooofDampingRounds; round++) {
    if (damping < lower || damping > upper) damping = fooofStartDamping(lower, upper);
    if (!fooofFactor(t.system(), damping, t.factor)) {
      lower = fooofMax(lower, damping);
      damping = damping > 0 ? 10 * damping : kFooofLowestStart * upper;
      upper = fooofMax(upper, damping);
      continue;
    }
    const double length = fooofStepLength(t), excess = length - radius;
    if (excess < 0) upper = damping;
    const double ratio = excess / fooofLengthSlope(t, length);
    lower = fooofMax(lower, damping - ratio);
    damping -= (excess + radius) * ratio / radius;
    if (fooofAbs(excess) < kFooofRadiusTolerance * radius) break;
  }
  if (!fooofFactor(t.system(), damping, t.factor) && !fooofFactor(t.system(), upper, t.factor)) {
    for (int i = 0; i < t.size; i++) t.step[i] = -t.gradient[i];
  } else {
    fooofStepLength(t);
  }
  const double stretch = radius / fooofNorm(t.step, (size_t)t.size);
  for (int i = 0; i < t.size; i++) t.step[i] *= stretch;
  t.damping = damping;
}

// The quadratic model along origin + s direction: a s^2 + b s + c.
struct FooofParabola {
  double a, b, c;
};

static FooofParabola fooofAlongLine(const FooofRegion& t, const double* direction, const double* origin) {
  FooofParabola q = {0, 0, 0};
  for (int i = 0; i < t.size; i++) {
    const double* row = t.matrix + (long)i * t.size;
    double along = 0.5 * row[i] * direction[i];
    for (int j = t.first[i]; j < i; j++) along += row[j] * direction[j];
    q.a += along * direction[i];
    q.b += t.gradient[i] * direction[i];
    if (origin == nullptr) continue;
    double across = 0.5 * row[i] * origin[i];
    for (int j = t.first[i]; j < i; j++) across += row[j] * origin[j];
    q.c += (across + t.gradient[i]) * origin[i];
    q.b += across * direction[i] + along * origin[i];
  }
  return q;
}

// Minimum on [low, high]; on ties the earlier of low, high, vertex.
static double fooofLowest(const FooofParabola& q, double low, double high, double* at) {
  *at = low;
  double value = low * (q.a * low + q.b) + q.c;
  const double atHigh = high * (q.a * high + q.b) + q.c;
  if (atHigh < value) {
    *at = high;
    value = atHigh;
  }
  const double vertex = -0.5 * q.b / q.a;
  if (low < vertex && vertex < high) {
    const double atVertex = vertex * (q.a * vertex + q.b) + q.c;
    if (atVertex < value) {
      *at = vertex;
      value = atVertex;
    }
  }
  return value;
}

// ---- the choice of a step at the bounds (optimise/step-choice.ts) ----

struct FooofBox {
  const double *x, *lower, *upper;
  double radius, theta;
};

struct FooofSteps {
  double *step, *cut, *reflected, *descent, *ray, *onBound;
};

struct FooofChosen {
  const double *step, *scaledStep;
  double predicted;
};

// How many times `move` fits between x and the bound that it points to.
NL_INLINE double fooofStride(double x, double move, double lower, double upper) {
  return move == 0 ? __builtin_inf() : fooofMax((lower - x) / move, (upper - x) / move);
}

static double fooofShortest(const double* x, const double* move, const FooofBox& box, int size) {
  double shortest = __builtin_inf();
  for (int i = 0; i < size; i++) {
    const double stride = fooofStride(x[i], move[i], box.lower[i], box.upper[i]);
    if (stride < shortest) shortest = stride;
  }
  return shortest;
}

static double fooofReflect(const FooofRegion& t, const FooofBox& box, const FooofSteps& s, double stride) {
  const int size = t.size;
  double a = 0, b = 0, c = -box.radius * box.radius;
  for (int i = 0; i < size; i++) {
    s.onBound[i] = stride * t.step[i];
    const bool hits = fooofStride(box.x[i], s.step[i], box.lower[i], box.upper[i]) == stride;
    const double along = hits ? -t.step[i] : t.step[i];
    s.reflected[i] = along;
    a += along * along;
    b += s.onBound[i] * along;
    c += s.onBound[i] * s.onBound[i];
  }
  const double root = fooofSqrt(fooofMax(b * b - a * c, 0)), q = -(b + (b >= 0 ? root : -root));
  const double toRadius = fooofMax(q / a, c / q);
  for (int i = 0; i < size; i++) {
    s.ray[i] = t.scale[i] * s.reflected[i];
    s.cut[i] = box.x[i] + t.scale[i] * s.onBound[i];
  }
  const double toBound = fooofShortest(s.cut, s.ray, box, size), longest = fooofMin(toBound, toRadius);
  if (!(longest > 0)) return __builtin_inf();
  const double low = (1 - box.theta) * stride / longest;
  const double high = longest == toBound ? box.theta * toBound : toRadius;
  if (!(low <= high)) return __builtin_inf();
  double at;
  const double value = fooofLowest(fooofAlongLine(t, s.reflected, s.onBound), low, high, &at);
  for (int i = 0; i < size; i++) s.reflected[i] = at * s.reflected[i] + s.onBound[i];
  return value;
}

static double fooofDescend(const FooofRegion& t, const FooofBox& box, const FooofSteps& s) {
  double sum = 0;
  for (int i = 0; i < t.size; i++) {
    const double down = -t.gradient[i];
    s.descent[i] = down;
    s.ray[i] = t.scale[i] * down;
    sum += down * down;
  }
  const double toRadius = box.radius / fooofSqrt(sum), toBound = fooofShortest(box.x, s.ray, box, t.size);
  const double high = toBound < toRadius ? box.theta * toBound : toRadius;
  double at;
  const double value = fooofLowest(fooofAlongLine(t, s.descent, nullptr), 0, high, &at);
  for (int i = 0; i < t.size; i++) s.descent[i] *= at;
  return value;
}

static FooofChosen fooofChoose(const FooofRegion& t, const FooofBox& box, const FooofSteps& s) {
  const int size = t.size;
  bool inside = true;
  for (int i = 0; i < size; i++) {
    const double value = t.scale[i] * t.step[i], target = box.x[i] + value;
    s.step[i] = value;
    if (target < box.lower[i] || target > box.upper[i]) inside = false;
  }
  if (inside) {
    const FooofParabola q = fooofAlongLine(t, t.step, nullptr);
    return {s.step, t.step, -(q.a + q.b)};
  }
  const double stride = fooofShortest(box.x, s.step, box, size);
  const double reflectedValue = fooofReflect(t, box, s, stride);
  for (int i = 0; i < size; i++) s.cut[i] = box.theta * stride * t.step[i];
  const FooofParabola cut = fooofAlongLine(t, s.cut, nullptr);
  const double cutValue = cut.a + cut.b, descentValue = fooofDescend(t, box, s);
  const double* scaled = s.descent;
  double value = descentValue;
  if (cutValue < reflectedValue && cutValue < descentValue) {
    scaled = s.cut;
    value = cutValue;
  } else if (reflectedValue < cutValue && reflectedValue < descentValue) {
    scaled = s.reflected;
    value = reflectedValue;
  }
  for (int i = 0; i < size; i++) s.step[i] = t.scale[i] * scaled[i];
  return {s.step, scaled, -value};
}

// ---- the fit within bounds (optimise/bounded-trust-region.ts) ----

constexpr double kFooofStartMargin = 1e-10;
constexpr double kFooofMinTheta = 0.995;

static void fooofMoveInside(double* x, const double* lower, const double* upper, int size) {
  for (int i = 0; i < size; i++) {
    const double low = lower[i], high = upper[i];
    if (x[i] <= low) x[i] = low + kFooofStartMargin * fooofMax(1, fooofAbs(low));
    if (x[i] >= high) x[i] = high - kFooofStartMargin * fooofMax(1, fooofAbs(high));
    if (x[i] < low || x[i] > high) x[i] = 0.5 * (low + high);
  }
}

// Distance to the bound that the gradient points away from, and its derivative.
static void fooofColeman(const double* x, const FooofPeaks& p, const double* gradient, double* distance, double* slope) {
  for (size_t i = 0; i < p.order(); i++) {
    distance[i] = 1;
    slope[i] = 0;
    if (gradient[i] < 0 && p.upper[i] < __builtin_inf()) {
      distance[i] = p.upper[i] - x[i];
      slope[i] = -1;
    } else if (gradient[i] > 0 && p.lower[i] > -__builtin_inf()) {
      distance[i] = x[i] - p.lower[i];
      slope[i] = 1;
    }
  }
}

// Hands out parts of the scratch space.
struct FooofScratch {
  double* next;
  NL_MEMBER double* take(size_t count) {
    double* at = next;
    next += fooofVectors(count) * kFooofLanes;
    return at;
  }
};

static size_t fooofPeakScratch(const FooofPeaks& p) {
  const size_t row = fooofVectors(p.bins) * kFooofLanes, size = p.order();
  // Frequencies, target, ln, log10, three columns and two points; then vectors and matrices of the solver.
  return row * (11 + 2 * p.peaks) + (size + kFooofLanes) * 24 + 3 * size * size + 3 * kFooofLanes;
}

static FooofPoint fooofPoint(FooofScratch& scratch, size_t stride, size_t peaks, size_t order) {
  FooofPoint point;
  point.residual = scratch.take(stride);
  point.shape = scratch.take(stride * peaks);
  point.raised = scratch.take(stride);
  point.x = scratch.take(order);
  point.from = (size_t*)scratch.take(peaks);
  point.to = (size_t*)scratch.take(peaks);
  return point;
}

static FooofModel fooofModel(const FooofPeaks& p, FooofScratch& scratch) {
  FooofModel m;
  m.bins = p.bins;
  m.peaks = p.peaks;
  m.order = p.order();
  m.base = p.base;
  m.stride = fooofVectors(p.bins) * kFooofLanes;
  m.start = p.frequencies[0];
  m.resolution = p.resolution;
  m.frequencies = scratch.take(m.stride);
  m.target = scratch.take(m.stride);
  m.ln = scratch.take(m.stride);
  m.log10 = scratch.take(m.stride);
  m.columns = scratch.take(3 * m.stride);
  for (size_t i = 0; i < m.stride; i++) {
    const bool isBin = i < p.bins, hasBase = isBin && p.base != kFooofNothing;
    m.frequencies[i] = isBin ? p.frequencies[i] : kFooofFar;
    m.target[i] = isBin ? p.target[i] : 0;
    m.ln[i] = hasBase ? p.ln[i] : 0;
    m.log10[i] = hasBase ? p.log10[i] : 0;
    m.columns[i] = hasBase ? 1 : 0;
    m.columns[m.stride + i] = -m.log10[i];
    m.columns[2 * m.stride + i] = 0;
  }
  m.current = fooofPoint(scratch, m.stride, p.peaks, m.order);
  m.pending = fooofPoint(scratch, m.stride, p.peaks, m.order);
  return m;
}

static FooofFit fooofFitPeaks(const FooofPeaks& p, double* x, double* space) {
  FooofScratch scratch = {space};
  FooofModel model = fooofModel(p, scratch);
  const int size = (int)p.order();
  const size_t n = (size_t)size;
  FooofRegion region;
  region.size = size;
  region.first = (int*)scratch.take(n);
  region.scale = scratch.take(n);
  region.gradient = scratch.take(n);
  region.step = scratch.take(n);
  region.work = scratch.take(n);
  region.matrix = scratch.take(n * n);
  region.factor = scratch.take(n * n);
  region.damping = 0;
  double *gradient = scratch.take(n), *hessian = scratch.take(n * n);
  double *distance = scratch.take(n), *slope = scratch.take(n), *trial = scratch.take(n);
  const FooofSteps steps = {scratch.take(n), scratch.take(n), scratch.take(n),
                            scratch.take(n), scratch.take(n), scratch.take(n)};
  fooofMoveInside(x, p.lower, p.upper, size);
  FooofFit fit = {fooofEvaluate(model, x), 1, true};
  fooofAccept(model);
  fooofLinearise(model, gradient, hessian, region.first);
  fooofColeman(x, p, gradient, distance, slope);
  double radius = 0;
  for (int i = 0; i < size; i++) radius += x[i] * x[i] / distance[i];
  radius = fooofSqrt(radius);
  if (radius == 0) radius = 1;
  for (;;) {
    double scaledGradient = 0;
    for (int i = 0; i < size; i++) scaledGradient = fooofMax(scaledGradient, fooofAbs(gradient[i] * distance[i]));
    if (scaledGradient < p.tolerance) return fit;
    if (fit.evaluations >= p.maxEvaluations) break;
    fooofAssemble(region, hessian, gradient, distance, slope);
    const double theta = fooofMax(kFooofMinTheta, 1 - scaledGradient);
    double gain = -1;
    while (gain <= 0 && fit.evaluations < p.maxEvaluations) {
      fooofSolveRegion(region, radius, p.bins);
      const FooofChosen chosen = fooofChoose(region, {x, p.lower, p.upper, radius, theta}, steps);
      for (int i = 0; i < size; i++) {
        double value = x[i] + chosen.step[i];
        if (value <= p.lower[i]) value = fooofNextUp(p.lower[i]);
        else if (value >= p.upper[i]) value = fooofNextDown(p.upper[i]);
        trial[i] = value;
      }
      const double trialCost = fooofEvaluate(model, trial), scaledLength = fooofNorm(chosen.scaledStep, n);
      fit.evaluations++;
      if (!fooofFinite(trialCost)) {
        radius = 0.25 * scaledLength;
        continue;
      }
      gain = fit.cost - trialCost;
      const double predicted = chosen.predicted;
      const double ratio = predicted > 0 ? gain / predicted : predicted == 0 && gain == 0 ? 1 : 0;
      const bool ends = (gain < p.tolerance * fit.cost && ratio > 0.25) ||
                        fooofNorm(chosen.step, n) < p.tolerance * (p.tolerance + fooofNorm(x, n));
      if (gain > 0) {
        for (int i = 0; i < size; i++) x[i] = trial[i];
        fit.cost = trialCost;
        fooofAccept(model);
      }
      if (ends) return fit;
      double next = radius;
      if (ratio < 0.25) next = 0.25 * scaledLength;
      else if (ratio > 0.75 && scaledLength > 0.95 * radius) next = 2 * radius;
      region.damping *= radius / next;
      radius = next;
    }
    if (gain > 0) {
      fooofLinearise(model, gradient, hessian, region.first);
      fooofColeman(x, p, gradient, distance, slope);
    }
  }
  fit.converged = false;
  return fit;
}

// values += height of the peak times its shape.
static void fooofAddPeak(const FooofModel& m, const double* peak, double* values) {
  const double center = peak[0], height = peak[1], factor = -0.5 / (peak[2] * peak[2]);
  const size_t full = m.bins / kFooofLanes;
  size_t from, to;
  fooofReach(m, center, peak[2], &from, &to);
  for (size_t i = from * kFooofLanes; i < fooofSmallest(to, full) * kFooofLanes; i += kFooofLanes) {
    const WideVec u = loadDouble(m.frequencies + i) - center;
    storeDouble(values + i, loadDouble(values + i) + height * prfExp(u * u * factor));
  }
  if (to <= full) return;
  double lanes[kFooofLanes] = {};
  const size_t start = full * kFooofLanes;
  for (size_t i = start; i < m.bins; i++) lanes[i - start] = m.frequencies[i];
  const WideVec u = loadDouble(lanes) - center;
  storeDouble(lanes, height * prfExp(u * u * factor));
  for (size_t i = start; i < m.bins; i++) values[i] += lanes[i - start];
}

static FooofModel fooofAxis(size_t bins, const double* frequencies, double resolution) {
  FooofModel m = {};
  m.bins = bins;
  m.start = frequencies[0];
  m.resolution = resolution;
  m.frequencies = (double*)frequencies;
  return m;
}

static void fooofAddPeaks(const FooofPeaks& p, const double* x, double* sum) {
  const FooofModel m = fooofAxis(p.bins, p.frequencies, p.resolution);
  for (size_t peak = 0; peak < p.peaks; peak++) fooofAddPeak(m, x + 3 * peak, sum);
}

// ---- the search for candidates (fooof/candidates.ts) ----

// First bin with the highest value, and the population standard deviation.
static size_t fooofTop(const double* values, size_t bins, double* deviation) {
  const size_t full = bins / kFooofLanes * kFooofLanes;
  WideVec highest = broadcastDouble(-__builtin_inf()), sum = {};
  for (size_t i = 0; i < full; i += kFooofLanes) {
    const WideVec v = loadDouble(values + i);
    highest = v > highest ? v : highest;
    sum += v;
  }
  double top = -__builtin_inf(), total = fooofSum(sum);
  for (size_t k = 0; k < kFooofLanes; k++) top = fooofMax(highest[k], top);
  for (size_t i = full; i < bins; i++) {
    top = fooofMax(values[i], top);
    total += values[i];
  }
  const double mean = total / (double)bins;
  WideVec squares = {};
  for (size_t i = 0; i < full; i += kFooofLanes) {
    const WideVec v = loadDouble(values + i) - mean;
    squares += v * v;
  }
  double square = fooofSum(squares);
  for (size_t i = full; i < bins; i++) square += (values[i] - mean) * (values[i] - mean);
  *deviation = fooofSqrt(square / (double)bins);
  for (size_t i = 0; i < bins; i++) {
    if (values[i] == top) return i;
  }
  return 0;
}

// From the nearer of the two bins at which the value is down to half; the lowest bin is never looked at.
static double fooofGuessSd(const FooofSearch& s, size_t top) {
  const double half = 0.5 * s.flat[top];
  size_t left = top, right = top + 1;
  while (left > 1 && !(s.flat[left - 1] <= half)) left--;
  const bool hasLeft = left > 1;
  while (right < s.bins && !(s.flat[right] <= half)) right++;
  double sd = (s.narrowest + s.widest) / 2;
  if (hasLeft || right < s.bins) {
    const size_t below = hasLeft ? top - left + 1 : s.bins, above = right < s.bins ? right - top : s.bins;
    sd = 2 * s.step * (double)fooofSmallest(below, above) * kFooofSdPerFwhm;
  }
  return fooofMin(fooofMax(sd, s.narrowest / 2), s.widest / 2);
}

static size_t fooofSearch(const FooofSearch& s) {
  const FooofModel m = fooofAxis(s.bins, s.frequencies, s.resolution);
  size_t count = 0;
  for (; count < s.most; count++) {
    double deviation;
    const size_t top = fooofTop(s.flat, s.bins, &deviation);
    const double height = s.flat[top];
    double* candidate = s.found + 3 * count;
    candidate[0] = s.frequencies[top];
    candidate[1] = height;
    candidate[2] = s.threshold * deviation;
    if (height <= candidate[2] || !(height > s.minHeight)) break;
    candidate[1] = -height;
    candidate[2] = fooofGuessSd(s, top);
    fooofAddPeak(m, candidate, s.flat);
    candidate[1] = height;
  }
  return count;
}

// ---- the knee (fooof/aperiodic.ts, optimise/marquardt.ts) ----

constexpr double kFooofSmallest = 2.2250738585072014e-308;
constexpr double kFooofInitialBound = 100;
constexpr double kFooofAcceptRatio = 1e-4;

struct FooofCurve {
  size_t bins, vectors;
  double *ln, *values, *weight;  // (stride): the last bin with weight 0 behind the end
  double *residual, *raised, *pendingResidual, *pendingRaised;
  double knee, pendingKnee;
};

// Sum of squared residuals at x.
static double fooofCurveAt(FooofCurve& c, const double* x) {
  const double offset = x[0], knee = x[1], exponent = x[2];
  c.pendingKnee = knee;
  WideVec sum = {};
  for (size_t i = 0; i < c.vectors * kFooofLanes; i += kFooofLanes) {
    const WideVec raised = fooofExp(exponent * loadDouble(c.ln + i));
    const WideVec level = fooofLog(knee + raised) * kFooofLn10Inverse;
    const WideVec difference = (offset - level) - loadDouble(c.values + i);
    const WideVec counted = loadDouble(c.weight + i) > 0.0 ? difference : (WideVec){};
    storeDouble(c.pendingRaised + i, raised);
    storeDouble(c.pendingResidual + i, counted);
    sum += counted * counted;
  }
  return fooofSum(sum);
}

static void fooofAcceptCurve(FooofCurve& c) {
  double* residual = c.residual;
  double* raised = c.raised;
  c.residual = c.pendingResidual;
  c.raised = c.pendingRaised;
  c.pendingResidual = residual;
  c.pendingRaised = raised;
  c.knee = c.pendingKnee;
}

static void fooofLineariseCurve(const FooofCurve& c, double* gradient, double* hessian) {
  WideVec g0 = {}, g1 = {}, g2 = {}, h1 = {}, h11 = {}, h2 = {}, h12 = {}, h22 = {};
  for (size_t i = 0; i < c.vectors * kFooofLanes; i += kFooofLanes) {
    const WideVec raised = loadDouble(c.raised + i), difference = loadDouble(c.residual + i);
    const WideVec slope = -kFooofLn10Inverse / (c.knee + raised);
    const WideVec byKnee = loadDouble(c.weight + i) > 0.0 ? slope : (WideVec){};
    const WideVec byExponent = byKnee * raised * loadDouble(c.ln + i);
    g0 += difference;
    g1 += byKnee * difference;
    g2 += byExponent * difference;
    h1 += byKnee;
    h11 += byKnee * byKnee;
    h2 += byExponent;
    h12 += byKnee * byExponent;
    h22 += byExponent * byExponent;
  }
  gradient[0] = fooofSum(g0);
  gradient[1] = fooofSum(g1);
  gradient[2] = fooofSum(g2);
  hessian[0] = (double)c.bins;
  hessian[3] = fooofSum(h1);
  hessian[4] = fooofSum(h11);
  hessian[6] = fooofSum(h2);
  hessian[7] = fooofSum(h12);
  hessian[8] = fooofSum(h22);
}

// Scaled normal equations of three variables.
struct FooofMarquardt {
  double scale[3], gradient[3], hessian[9], scaledGradient[3], matrix[9], factor[9], step[3], trial[3], work[3];
};

constexpr int kFooofNoEnvelope[3] = {0, 0, 0};

// Solves (A + damping I) step = -gradient in scaled variables.
static bool fooofStepAt(FooofMarquardt& m, double damping) {
  if (!fooofFactor({m.matrix, kFooofNoEnvelope, 3}, damping, m.factor)) return false;
  const FooofTriangle factor = {m.factor, kFooofNoEnvelope, 3};
  for (int i = 0; i < 3; i++) m.step[i] = -m.scaledGradient[i];
  fooofLower(factor, m.step, m.step);
  fooofUpper(factor, m.step);
  return true;
}

static double fooofInverseNorm2(FooofMarquardt& m, double length) {
  fooofLower({m.factor, kFooofNoEnvelope, 3}, m.step, m.work);
  const double ratio = fooofNorm(m.work, 3) / length;
  return ratio * ratio;
}

// The damping whose step has the length of the bound within a tenth; the step is left in place.
static double fooofDampingFor(FooofMarquardt& m, double bound, double before) {
  const bool fullRank = fooofStepAt(m, 0);
  double upper = fooofNorm(m.scaledGradient, 3) / bound, lower = 0, excess = 0, length = 0;
  if (fullRank) {
    length = fooofNorm(m.step, 3);
    excess = length - bound;
    if (excess <= 0.1 * bound) return 0;
    lower = excess / bound / fooofInverseNorm2(m, length);
  }
  if (upper == 0) upper = kFooofSmallest / fooofMin(bound, 0.1);
  double damping = fooofMin(fooofMax(before, lower), upper);
  if (damping == 0) damping = length > 0 ? fooofNorm(m.scaledGradient, 3) / length : 0.001 * upper;
  for (int round = 1;; round++) {
    if (damping == 0) damping = fooofMax(kFooofSmallest, 0.001 * upper);
    if (!fooofStepAt(m, damping)) {
      damping *= 10;
      upper = fooofMax(upper, damping);
      if (round >= 10 * kFooofDampingRounds) return damping;
      continue;
    }
    const double previous = excess;
    length = fooofNorm(m.step, 3);
    excess = length - bound;
    const bool free = lower == 0 && excess <= previous && previous < 0;
    if (fooofAbs(excess) <= 0.1 * bound || free || round >= kFooofDampingRounds) return damping;
    const double correction = excess / bound / fooofInverseNorm2(m, length);
    if (excess > 0) lower = fooofMax(lower, damping);
    else upper = fooofMin(upper, damping);
    damping = fooofMax(lower, damping + correction);
  }
}

static double fooofScaledLength(const FooofMarquardt& m, const double* x) {
  double sum = 0;
  for (int i = 0; i < 3; i++) sum += m.scale[i] * x[i] * (m.scale[i] * x[i]);
  return fooofSqrt(sum);
}

static void fooofScaleSystem(FooofMarquardt& m, bool isFirst) {
  for (int i = 0; i < 3; i++) {
    const double column = fooofSqrt(m.hessian[4 * i]);
    if (isFirst) m.scale[i] = column == 0 ? 1 : column;
    else if (column > m.scale[i]) m.scale[i] = column;
  }
  for (int i = 0; i < 3; i++) {
    m.scaledGradient[i] = m.gradient[i] / m.scale[i];
    for (int j = 0; j <= i; j++) m.matrix[3 * i + j] = m.hessian[3 * i + j] / (m.scale[i] * m.scale[j]);
  }
}

// ||J p||^2 of the unscaled step in work.
static double fooofLinearNorm2(const FooofMarquardt& m) {
  double sum = 0;
  for (int i = 0; i < 3; i++) {
    double row = 0.5 * m.hessian[4 * i] * m.work[i];
    for (int j = 0; j < i; j++) row += m.hessian[3 * i + j] * m.work[j];
    sum += 2 * row * m.work[i];
  }
  return sum;
}

static size_t fooofKneeScratch(const FooofKnee& p) { return 7 * fooofVectors(p.bins) * kFooofLanes; }

static bool fooofFitKnee(const FooofKnee& p, double* x, double* space) {
  FooofScratch scratch = {space};
  FooofCurve curve;
  curve.bins = p.bins;
  curve.vectors = fooofVectors(p.bins);
  curve.knee = curve.pendingKnee = 0;
  const size_t stride = curve.vectors * kFooofLanes;
  curve.ln = scratch.take(stride);
  curve.values = scratch.take(stride);
  curve.weight = scratch.take(stride);
  curve.residual = scratch.take(stride);
  curve.raised = scratch.take(stride);
  curve.pendingResidual = scratch.take(stride);
  curve.pendingRaised = scratch.take(stride);
  for (size_t i = 0; i < stride; i++) {
    const size_t bin = i < p.bins ? i : p.bins - 1;
    curve.ln[i] = p.ln[bin];
    curve.values[i] = p.values[bin];
    curve.weight[i] = i < p.bins ? 1 : 0;
  }
  FooofMarquardt m;
  double norm = fooofSqrt(fooofCurveAt(curve, x));
  if (!fooofFinite(norm)) return false;
  fooofAcceptCurve(curve);
  size_t evaluations = 1;
  double bound = 0, damping = 0;
  bool isFirst = true;
  for (;;) {
    fooofLineariseCurve(curve, m.gradient, m.hessian);
    evaluations += 3;
    fooofScaleSystem(m, isFirst);
    if (isFirst) {
      bound = kFooofInitialBound * fooofScaledLength(m, x);
      if (!(bound != 0)) bound = kFooofInitialBound;
    }
    if (fooofNorm(m.scaledGradient, 3) == 0) return true;
    double ratio;
    do {
      damping = fooofDampingFor(m, bound, damping);
      const double length = fooofNorm(m.step, 3);
      for (int i = 0; i < 3; i++) {
        m.work[i] = m.step[i] / m.scale[i];
        m.trial[i] = x[i] + m.work[i];
      }
      if (isFirst) bound = fooofMin(bound, length);
      const double trialNorm = fooofSqrt(fooofCurveAt(curve, m.trial));
      evaluations++;
      const double gain = 0.1 * trialNorm < norm ? 1 - trialNorm / norm * (trialNorm / norm) : -1;
      const double linear = fooofLinearNorm2(m) / (norm * norm), damped = damping * length * length / (norm * norm);
      const double predicted = linear + 2 * damped, slope = -(linear + damped);
      ratio = predicted == 0 ? 0 : gain / predicted;
      if (ratio <= 0.25) {
        double shrink = gain >= 0 ? 0.5 : 0.5 * slope / (slope + 0.5 * gain);
        if (0.1 * trialNorm >= norm || shrink < 0.1) shrink = 0.1;
        bound = shrink * fooofMin(bound, 10 * length);
        damping /= shrink;
      } else if (damping == 0 || ratio >= 0.75) {
        bound = 2 * length;
        damping *= 0.5;
      }
      if (ratio >= kFooofAcceptRatio) {
        for (int i = 0; i < 3; i++) x[i] = m.trial[i];
        norm = trialNorm;
        fooofAcceptCurve(curve);
        isFirst = false;
      }
      const bool costEnds = fooofAbs(gain) <= p.tolerance && predicted <= p.tolerance && 0.5 * ratio <= 1;
      if (costEnds || bound <= p.tolerance * fooofScaledLength(m, x)) return true;
      if (evaluations >= p.maxEvaluations) return false;
    } while (!(ratio >= kFooofAcceptRatio));
  }
}

static const FooofKernels kFooofKernels = {fooofPeakScratch, fooofKneeScratch, fooofFitPeaks,
                                            fooofFitKnee,     fooofAddPeaks,    fooofSearch};

}  // namespace NL_ISA
}  // namespace neuroloom
