// Receptive fields side by side, one per lane: every lane does the same operations in the same order, so that the result of
// a field depends neither on its lane nor on its neighbours. Doubles; a group is two vectors wide.
namespace neuroloom {
namespace NL_ISA {

struct PrfLanes {
  WideVec v[2];
};

constexpr size_t kPrfGroup = 2 * kHalfLanes;
// Output samples that a convolution makes at once; kernels have as many zeros less one at each end.
constexpr size_t kPrfTile = 4;
constexpr size_t kPrfPad = kPrfTile - 1;
constexpr size_t kPrfMostSlopes = 5;
// As FAR in src/numerics/encoding/image-drive.ts.
constexpr double kPrfFar = -170.0;
// As DARK there.
constexpr double kPrfDark = 1e-12;

NL_INLINE size_t prfSlopes(const PrfRequest& r) { return r.ownKernels ? 5 : 3; }
NL_INLINE size_t prfKernelLength(const PrfRequest& r) { return r.taps + 2 * kPrfPad; }

// exp(x) for x <= 0, to a few units of the last place; 0 below kPrfFar, so that no product of two is subnormal.
NL_INLINE WideVec prfExp(WideVec exponent) {
  const WideVec low = broadcastDouble(kPrfFar), x = exponent < low ? low : exponent;
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
  const WideVec scale = (WideVec)((power + 1023) << 52);
  return exponent < low ? (WideVec){} : scale + scale * p;
}

// Working memory of one group, cut from the scratch space of a part.
struct PrfWork {
  PrfLanes* field;    // (3): x, y, 1 / sd
  PrfLanes* rows;     // (rows + 1, 3): sums of g, g u, g u^2 over the rows before, along y
  PrfLanes* columns;  // (columns + 1, 3): the same along x
  PrfLanes* profile;  // (profiles, 3)
  PrfLanes* unique;   // (uniqueFrames, 4): value and slopes by x, y, log sd
  PrfLanes* padded;   // (taps - 1 + frames + kPrfPad)
  PrfLanes* kernel;   // (3, kernel length)
  PrfLanes* series;   // (1 + slopes, frames): p and its slopes
  PrfLanes* data;     // (frames)
  PrfLanes dark;      // values that are not above it are nothing but rounding
  PrfLanes mean;
};

NL_INLINE size_t prfWorkLanes(const PrfStimulus& s, const PrfRequest& r) {
  return 3 + 3 * (s.rows + 1) + 3 * (s.columns + 1) + 3 * s.profiles + 4 * s.uniqueFrames + (r.taps + s.frames + kPrfPad) +
         3 * prfKernelLength(r) + (1 + kPrfMostSlopes) * s.frames + s.frames;
}

NL_INLINE PrfWork prfCut(const PrfStimulus& s, const PrfRequest& r, double* scratch) {
  PrfWork w;
  PrfLanes* next = (PrfLanes*)scratch;
  const auto take = [&next](size_t count) {
    PrfLanes* at = next;
    next += count;
    return at;
  };
  w.field = take(3);
  w.rows = take(3 * (s.rows + 1));
  w.columns = take(3 * (s.columns + 1));
  w.profile = take(3 * s.profiles);
  w.unique = take(4 * s.uniqueFrames);
  w.padded = take(r.taps + s.frames + kPrfPad);
  w.kernel = take(3 * prfKernelLength(r));
  w.series = take((1 + kPrfMostSlopes) * s.frames);
  w.data = take(s.frames);
  return w;
}

NL_INLINE void setLane(PrfLanes* to, size_t lane, double value) { ((double*)to)[lane] = value; }

// The request of a lane; lanes behind the last request repeat it.
NL_INLINE size_t prfRequestOf(const PrfRequest& r, size_t first, size_t lane) {
  return first + lane < r.count ? first + lane : r.count - 1;
}

static void prfLoadFields(const PrfRequest& r, size_t first, PrfWork& w) {
  for (size_t lane = 0; lane < kPrfGroup; lane++) {
    const double* field = r.fields + 3 * prfRequestOf(r, first, lane);
    setLane(w.field, lane, field[0]);
    setLane(w.field + 1, lane, field[1]);
    setLane(w.field + 2, lane, 1.0 / field[2]);
  }
}

static void prfLoadKernels(const PrfRequest& r, size_t first, PrfWork& w) {
  const size_t length = prfKernelLength(r);
  for (size_t i = 0; i < 3 * length; i++) w.kernel[i] = PrfLanes{};
  for (size_t lane = 0; lane < kPrfGroup; lane++) {
    const double* own = r.kernels + prfRequestOf(r, first, lane) * 3 * r.taps;
    for (size_t part = 0; part < 3; part++) {
      for (size_t k = 0; k < r.taps; k++) setLane(w.kernel + part * length + kPrfPad + k, lane, own[part * r.taps + k]);
    }
  }
}

static void prfLoadData(const PrfStimulus& s, const PrfRequest& r, size_t first, PrfWork& w) {
  for (size_t lane = 0; lane < kPrfGroup; lane++) {
    const double* from = r.series + (size_t)r.voxels[prfRequestOf(r, first, lane)] * s.frames;
    for (size_t t = 0; t < s.frames; t++) setLane(w.data + t, lane, from[t]);
  }
}

// Sums of g, g u and g u^2, u = (place - centre) / sd, over the places before each. Returns the sum of all g.
static WideVec prfSumsBefore(const double* places, size_t count, WideVec centre, WideVec inverse, int h, PrfLanes* out) {
  WideVec a = {}, b = {}, c = {};
  for (size_t i = 0; i <= count; i++) {
    PrfLanes* to = out + 3 * i;
    to[0].v[h] = a;
    to[1].v[h] = b;
    to[2].v[h] = c;
    if (i == count) break;
    const WideVec u = (places[i] - centre) * inverse, g = prfExp(-0.5 * u * u);
    a += g;
    b += g * u;
    c += g * u * u;
  }
  return a;
}

static void prfAxes(const PrfStimulus& s, PrfWork& w) {
  for (int h = 0; h < 2; h++) {
    const WideVec inverse = w.field[2].v[h];
    const WideVec height = prfSumsBefore(s.ys, s.rows, w.field[1].v[h], inverse, h, w.rows);
    const WideVec width = prfSumsBefore(s.xs, s.columns, w.field[0].v[h], inverse, h, w.columns);
    w.dark.v[h] = kPrfDark * s.peak * width * height;
  }
}

// Moments of every profile under the Gaussian along y: the first of them, or all three.
template <int kMoments>
static void prfProfiles(const PrfStimulus& s, PrfWork& w) {
  for (size_t p = 0; p < s.profiles; p++) {
    PrfLanes sum[kMoments] = {};
    const int32_t end = s.stepStart[p + 1];
    for (int32_t k = s.stepStart[p]; k < end; k++) {
      const PrfLanes* row = w.rows + 3 * (size_t)s.stepRow[k];
      const double fall = s.stepFall[k];
      for (int m = 0; m < kMoments; m++) {
        for (int h = 0; h < 2; h++) sum[m].v[h] += fall * row[m].v[h];
      }
    }
    for (int m = 0; m < kMoments; m++) w.profile[3 * p + m] = sum[m];
  }
}

NL_INLINE WideVec prfUnlessDark(WideVec value, WideVec dark, WideVec kept) {
  return (value > dark) | (-value > dark) ? kept : (WideVec){};
}

static void prfFrameValues(const PrfStimulus& s, PrfWork& w) {
  for (size_t f = 0; f < s.uniqueFrames; f++) {
    PrfLanes sum = {};
    for (int32_t k = s.frameStart[f]; k < s.frameStart[f + 1]; k++) {
      const PrfLanes *from = w.columns + 3 * (size_t)s.runFrom[k], *to = w.columns + 3 * (size_t)s.runTo[k];
      const PrfLanes* profile = w.profile + 3 * (size_t)s.runProfile[k];
      for (int h = 0; h < 2; h++) sum.v[h] += (to->v[h] - from->v[h]) * profile->v[h];
    }
    for (int h = 0; h < 2; h++) w.unique[4 * f].v[h] = prfUnlessDark(sum.v[h], w.dark.v[h], sum.v[h]);
  }
}

static void prfFrameSlopes(const PrfStimulus& s, PrfWork& w) {
  for (size_t f = 0; f < s.uniqueFrames; f++) {
    PrfLanes value = {}, byX = {}, byY = {}, bySd = {};
    for (int32_t k = s.frameStart[f]; k < s.frameStart[f + 1]; k++) {
      const PrfLanes *from = w.columns + 3 * (size_t)s.runFrom[k], *to = w.columns + 3 * (size_t)s.runTo[k];
      const PrfLanes* profile = w.profile + 3 * (size_t)s.runProfile[k];
      for (int h = 0; h < 2; h++) {
        const WideVec width = to[0].v[h] - from[0].v[h], height = profile[0].v[h];
        value.v[h] += width * height;
        byX.v[h] += (to[1].v[h] - from[1].v[h]) * height;
        byY.v[h] += width * profile[1].v[h];
        bySd.v[h] += (to[2].v[h] - from[2].v[h]) * height;
        bySd.v[h] += width * profile[2].v[h];
      }
    }
    PrfLanes* to = w.unique + 4 * f;
    for (int h = 0; h < 2; h++) {
      const WideVec v = value.v[h], dark = w.dark.v[h], inverse = w.field[2].v[h];
      to[0].v[h] = prfUnlessDark(v, dark, v);
      to[1].v[h] = prfUnlessDark(v, dark, byX.v[h] * inverse);
      to[2].v[h] = prfUnlessDark(v, dark, byY.v[h] * inverse);
      to[3].v[h] = prfUnlessDark(v, dark, bySd.v[h]);
    }
  }
}

NL_INLINE WideVec prfTap(const double* kernel, size_t at, int) { return broadcastDouble(kernel[at]); }
NL_INLINE WideVec prfTap(const PrfLanes* kernel, size_t at, int h) { return kernel[at].v[h]; }

// out[t] = sum over k of kernel[k] padded[taps - 1 + t - k]: each sample read serves a tile of outputs.
template <class Kernel>
static void prfConvolve(size_t frames, size_t taps, const PrfLanes* padded, const Kernel* kernel, PrfLanes* out) {
  for (size_t t = 0; t < frames; t += kPrfTile) {
    PrfLanes sum[kPrfTile] = {};
    for (size_t from = 0; from < taps + kPrfPad; from++) {
      const PrfLanes x = padded[t + from];
      // Tap of output j: taps - 1 + j - from, behind the zeros at the front.
      const size_t tap = taps - 1 + kPrfPad - from;
      for (size_t j = 0; j < kPrfTile; j++) {
        for (int h = 0; h < 2; h++) sum[j].v[h] += prfTap(kernel, tap + j, h) * x.v[h];
      }
    }
    for (size_t j = 0; j < kPrfTile && t + j < frames; j++) out[t + j] = sum[j];
  }
}

// The time course of value or slope `part`, with its first sample held before and zeros behind.
static void prfExpand(const PrfStimulus& s, size_t taps, size_t part, PrfWork& w) {
  const PrfLanes first = w.unique[4 * (size_t)s.frameOf[0] + part];
  for (size_t k = 0; k + 1 < taps; k++) w.padded[k] = first;
  for (size_t t = 0; t < s.frames; t++) w.padded[taps - 1 + t] = w.unique[4 * (size_t)s.frameOf[t] + part];
  for (size_t k = 0; k < kPrfPad + 1; k++) w.padded[taps - 1 + s.frames + k] = PrfLanes{};
}

// Takes the mean and the confounds out. Returns the mean.
static PrfLanes prfProject(const PrfStimulus& s, const PrfRequest& r, PrfLanes* series) {
  PrfLanes mean = {};
  for (size_t t = 0; t < s.frames; t++) {
    for (int h = 0; h < 2; h++) mean.v[h] += series[t].v[h];
  }
  for (int h = 0; h < 2; h++) mean.v[h] /= (double)s.frames;
  if (r.removesMean) {
    for (size_t t = 0; t < s.frames; t++) {
      for (int h = 0; h < 2; h++) series[t].v[h] -= mean.v[h];
    }
  }
  for (size_t c = 0; c < r.confounds; c++) {
    const double* basis = r.confoundBasis + c * s.frames;
    PrfLanes dot = {};
    for (size_t t = 0; t < s.frames; t++) {
      for (int h = 0; h < 2; h++) dot.v[h] += basis[t] * series[t].v[h];
    }
    for (size_t t = 0; t < s.frames; t++) {
      for (int h = 0; h < 2; h++) series[t].v[h] -= basis[t] * dot.v[h];
    }
  }
  return mean;
}

// Response, and with slopes those too, after convolution and projection.
static void prfEvaluate(const PrfStimulus& s, const PrfRequest& r, const double* shared, size_t first, bool withSlopes,
                        PrfWork& w) {
  prfLoadFields(r, first, w);
  prfAxes(s, w);
  if (withSlopes) {
    prfProfiles<3>(s, w);
    prfFrameSlopes(s, w);
  } else {
    prfProfiles<1>(s, w);
    prfFrameValues(s, w);
  }
  if (r.ownKernels) prfLoadKernels(r, first, w);
  const size_t length = prfKernelLength(r);
  for (size_t part = 0; part < (withSlopes ? 4 : 1); part++) {
    prfExpand(s, r.taps, part, w);
    PrfLanes* to = w.series + part * s.frames;
    if (r.ownKernels) {
      prfConvolve(s.frames, r.taps, w.padded, w.kernel, to);
    } else {
      prfConvolve(s.frames, r.taps, w.padded, shared, to);
    }
    if (part > 0 || !r.ownKernels || !withSlopes) continue;
    prfConvolve(s.frames, r.taps, w.padded, w.kernel + length, w.series + 4 * s.frames);
    prfConvolve(s.frames, r.taps, w.padded, w.kernel + 2 * length, w.series + 5 * s.frames);
  }
  w.mean = prfProject(s, r, w.series);
  if (!withSlopes) return;
  for (size_t i = 1; i <= prfSlopes(r); i++) prfProject(s, r, w.series + i * s.frames);
}

// The sums of half a group, over all frames.
template <int kSlopes>
static void prfSums(const PrfStimulus& s, const PrfWork& w, int h, WideVec* sums) {
  WideVec pp = {}, py = {}, dp[kSlopes] = {}, dy[kSlopes] = {}, dd[kSlopes * (kSlopes + 1) / 2] = {};
  for (size_t t = 0; t < s.frames; t++) {
    const WideVec p = w.series[t].v[h], y = w.data[t].v[h];
    WideVec d[kSlopes];
    for (int i = 0; i < kSlopes; i++) d[i] = w.series[(size_t)(i + 1) * s.frames + t].v[h];
    pp += p * p;
    py += p * y;
    int pair = 0;
    for (int i = 0; i < kSlopes; i++) {
      dp[i] += d[i] * p;
      dy[i] += d[i] * y;
      for (int j = i; j < kSlopes; j++) dd[pair++] += d[i] * d[j];
    }
  }
  WideVec* next = sums;
  *next++ = pp;
  *next++ = py;
  *next++ = w.mean.v[h];
  for (int i = 0; i < kSlopes; i++) *next++ = dp[i];
  for (int i = 0; i < kSlopes; i++) *next++ = dy[i];
  for (int pair = 0; pair < kSlopes * (kSlopes + 1) / 2; pair++) *next++ = dd[pair];
}

// The shared kernel with zeros at both ends.
static void prfPadKernel(const PrfRequest& r, double* to) {
  for (size_t i = 0; i < prfKernelLength(r); i++) to[i] = 0;
  for (size_t k = 0; k < r.taps; k++) to[kPrfPad + k] = r.kernels[k];
}

static size_t prfScratch(const PrfStimulus& s, const PrfRequest& r) {
  return prfWorkLanes(s, r) * kPrfGroup + prfKernelLength(r);
}

static void prfMoments(const PrfStimulus& s, const PrfRequest& r, double* out, double* scratch, size_t begin, size_t end) {
  PrfWork w = prfCut(s, r, scratch);
  double* shared = scratch + prfWorkLanes(s, r) * kPrfGroup;
  if (!r.ownKernels) prfPadKernel(r, shared);
  const size_t length = prfMomentCount(prfSlopes(r));
  for (size_t group = begin; group < end; group++) {
    const size_t first = group * kPrfGroup;
    prfEvaluate(s, r, shared, first, true, w);
    prfLoadData(s, r, first, w);
    for (int h = 0; h < 2; h++) {
      WideVec sums[prfMomentCount(kPrfMostSlopes)];
      if (r.ownKernels) {
        prfSums<5>(s, w, h, sums);
      } else {
        prfSums<3>(s, w, h, sums);
      }
      for (size_t lane = 0; lane < (size_t)kHalfLanes; lane++) {
        const size_t request = first + (size_t)h * kHalfLanes + lane;
        if (request >= r.count) break;
        for (size_t i = 0; i < length; i++) out[request * length + i] = sums[i][lane];
      }
    }
  }
}

static void prfResponses(const PrfStimulus& s, const PrfRequest& r, double* out, double* scratch, size_t begin, size_t end) {
  PrfWork w = prfCut(s, r, scratch);
  double* shared = scratch + prfWorkLanes(s, r) * kPrfGroup;
  if (!r.ownKernels) prfPadKernel(r, shared);
  for (size_t group = begin; group < end; group++) {
    const size_t first = group * kPrfGroup;
    prfEvaluate(s, r, shared, first, false, w);
    for (size_t lane = 0; lane < kPrfGroup && first + lane < r.count; lane++) {
      for (size_t t = 0; t < s.frames; t++) out[(first + lane) * s.frames + t] = ((const double*)(w.series + t))[lane];
    }
  }
}

static const PrfKernels kPrfKernels = {kPrfGroup, prfScratch, prfMoments, prfResponses, prfProducts};

}  // namespace NL_ISA
}  // namespace neuroloom
