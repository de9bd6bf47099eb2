namespace neuroloom {
namespace NL_ISA {

constexpr size_t kNccStreams = 5;

// Layout of the scratch space: the sums over x of one plane of every stream, the sums over x and y of one row of every
// stream, the sums over the windows of that row, and one row to work in.
NL_INLINE size_t nccRow(const NccShape& s) { return s.z + 2 * s.window + 2 * kHalfLanes; }

NL_INLINE size_t nccPlane(const NccShape& s) { return s.y * s.z + kHalfLanes; }

static size_t nccScratch(const NccShape& s) { return kNccStreams * nccPlane(s) + (2 * kNccStreams + 1) * nccRow(s); }

NL_INLINE WideVec widenPart(const float* p, int count) {
  float lanes[NL_LANES / 2] = {};
  for (int i = 0; i < count; i++) lanes[i] = p[i];
  return widen(lanes);
}

// sums += sign * plane, for the five products of i and j.
NL_INLINE void addMomentPlane(size_t length, size_t stride, const float* i, const float* j, double sign, double* sums) {
  for (size_t k = 0; k < length; k += kHalfLanes) {
    const int count = length - k < (size_t)kHalfLanes ? (int)(length - k) : kHalfLanes;
    const WideVec a = count == kHalfLanes ? widen(i + k) : widenPart(i + k, count);
    const WideVec b = count == kHalfLanes ? widen(j + k) : widenPart(j + k, count);
    const WideVec sa = a * sign, sb = b * sign;
    storeDouble(sums + k, loadDouble(sums + k) + sa);
    storeDouble(sums + stride + k, loadDouble(sums + stride + k) + sb);
    storeDouble(sums + 2 * stride + k, loadDouble(sums + 2 * stride + k) + sa * a);
    storeDouble(sums + 3 * stride + k, loadDouble(sums + 3 * stride + k) + sb * b);
    storeDouble(sums + 4 * stride + k, loadDouble(sums + 4 * stride + k) + sa * b);
  }
}

// sums += entering - leaving, in one pass.
NL_INLINE void slideMomentPlane(size_t length, size_t stride, const float* i, const float* j, const float* oldI,
                                const float* oldJ, double* sums) {
  for (size_t k = 0; k < length; k += kHalfLanes) {
    const int count = length - k < (size_t)kHalfLanes ? (int)(length - k) : kHalfLanes;
    const bool whole = count == kHalfLanes;
    const WideVec a = whole ? widen(i + k) : widenPart(i + k, count);
    const WideVec b = whole ? widen(j + k) : widenPart(j + k, count);
    const WideVec c = whole ? widen(oldI + k) : widenPart(oldI + k, count);
    const WideVec d = whole ? widen(oldJ + k) : widenPart(oldJ + k, count);
    storeDouble(sums + k, loadDouble(sums + k) + (a - c));
    storeDouble(sums + stride + k, loadDouble(sums + stride + k) + (b - d));
    storeDouble(sums + 2 * stride + k, loadDouble(sums + 2 * stride + k) + (a * a - c * c));
    storeDouble(sums + 3 * stride + k, loadDouble(sums + 3 * stride + k) + (b * b - d * d));
    storeDouble(sums + 4 * stride + k, loadDouble(sums + 4 * stride + k) + (a * b - c * d));
  }
}

NL_INLINE void addPlane(size_t length, const float* values, double sign, double* sums) {
  for (size_t k = 0; k < length; k += kHalfLanes) {
    const int count = length - k < (size_t)kHalfLanes ? (int)(length - k) : kHalfLanes;
    const WideVec a = count == kHalfLanes ? widen(values + k) : widenPart(values + k, count);
    storeDouble(sums + k, loadDouble(sums + k) + a * sign);
  }
}

NL_INLINE void slidePlane(size_t length, const float* values, const float* old, double* sums) {
  for (size_t k = 0; k < length; k += kHalfLanes) {
    const int count = length - k < (size_t)kHalfLanes ? (int)(length - k) : kHalfLanes;
    const bool whole = count == kHalfLanes;
    const WideVec a = whole ? widen(values + k) : widenPart(values + k, count);
    const WideVec b = whole ? widen(old + k) : widenPart(old + k, count);
    storeDouble(sums + k, loadDouble(sums + k) + (a - b));
  }
}

// The row of sums over x and y moves on by one: adds a row of the plane, or takes one away, or both.
NL_INLINE void slideRow(size_t length, const double* entering, const double* leaving, double* row) {
  for (size_t k = 0; k < length; k += kHalfLanes) {
    WideVec sum = loadDouble(row + k);
    if (entering != nullptr) sum += loadDouble(entering + k);
    if (leaving != nullptr) sum -= loadDouble(leaving + k);
    storeDouble(row + k, sum);
  }
}

// out[k] = row[k] + ... + row[k + window - 1] for k in [0, length), by sums of widths 1, 2, 4 ...; row is used up.
NL_INLINE void windowSums(size_t length, size_t window, double* row, double* out) {
  size_t offset = 0;
  for (size_t width = 1;; width *= 2) {
    if (window & width) {
      for (size_t k = 0; k < length; k += kHalfLanes) {
        const WideVec part = loadDouble(row + offset + k);
        storeDouble(out + k, offset == 0 ? part : loadDouble(out + k) + part);
      }
      offset += width;
    }
    if (2 * width > window) return;
    // The last position that a wider sum can be read at: what still has to be added reaches `window` ahead.
    for (size_t k = 0; k < length + window - width; k += kHalfLanes) {
      storeDouble(row + k, loadDouble(row + k) + loadDouble(row + k + width));
    }
  }
}

// Sums over x and y (in `rows`, padded) to sums over the window, for one row of each stream.
NL_INLINE void rowWindows(const NccShape& s, size_t streams, const double* rows, double* work, double* out) {
  const size_t radius = s.window / 2, stride = nccRow(s);
  for (size_t stream = 0; stream < streams; stream++) {
    // work = zeros, the row, zeros: a window that starts at k in it is centred on voxel k.
    for (size_t k = 0; k < radius; k++) work[k] = 0;
    for (size_t k = 0; k < s.z; k += kHalfLanes) storeDouble(work + radius + k, loadDouble(rows + stream * stride + k));
    for (size_t k = radius + s.z; k < stride; k++) work[k] = 0;
    windowSums(s.z, s.window, work, out + stream * stride);
  }
}

// The point of the loss and its derivatives from the five sums over a window.
struct NccPoint {
  WideVec value, active, cross, varI, varJ, meanI, meanJ;
};

NL_INLINE NccPoint nccPoint(const NccShape& s, WideVec sumI, WideVec sumJ, WideVec sumII, WideVec sumJJ,
                            WideVec sumIJ) {
  const double share = 1.0 / ((double)s.window * (double)s.window * (double)s.window);
  const WideVec zero = {}, one = broadcastDouble(1.0), two = broadcastDouble(2.0), eps = broadcastDouble(s.eps);
  NccPoint p;
  p.meanI = sumI * share;
  p.meanJ = sumJ * share;
  const WideVec rawI = sumII * share - p.meanI * p.meanI, rawJ = sumJJ * share - p.meanJ * p.meanJ;
  const WideVec cov = sumIJ * share - p.meanI * p.meanJ;
  // Written so that NaN stays NaN and counts as active: a comparison with NaN is false.
  const LongVec flatI = rawI <= eps, flatJ = rawJ <= eps;
  const WideVec boundI = flatI ? eps : rawI, boundJ = flatJ ? eps : rawJ;
  const WideVec inverse = one / (boundI * boundJ);
  const WideVec raw = cov * cov * inverse;
  WideVec counts = one, moves = one;
  WideVec value = raw;
  if (s.activeOnly) {
    counts = flatI ? zero : one;
    const LongVec over = raw > one;
    value = over ? one : raw;
    moves = over ? zero : counts;
    value = value * counts;  // inactive: 0, unless j is not a number
  }
  p.value = value;
  p.active = counts;
  p.cross = two * cov * inverse * moves;
  const WideVec minus = -(raw * moves) * inverse;  // times the other variance: divided by one's own
  p.varI = flatI ? zero : minus * boundJ;
  p.varJ = flatJ ? zero : minus * boundI;
  return p;
}

NL_INLINE void storeSaved(float* to, WideVec v, int count) {
  if (count == kHalfLanes) return storeNarrow(to, v);
  float lanes[NL_LANES / 2];
  storeNarrow(lanes, v);
  for (int i = 0; i < count; i++) to[i] = lanes[i];
}

static NccResult nccForward(const NccShape& s, const float* i, const float* j, const NccSaved& saved, double* scratch,
                            size_t begin, size_t end) {
  const size_t radius = s.window / 2, length = s.y * s.z, plane = nccPlane(s), row = nccRow(s);
  double* sums = scratch;
  double* rows = sums + kNccStreams * plane;
  double* windows = rows + kNccStreams * row;
  double* work = windows + kNccStreams * row;
  __builtin_memset(sums, 0, kNccStreams * plane * sizeof(double));
  for (size_t x = begin < radius ? 0 : begin - radius; x < begin + radius && x < s.x; x++) {
    addMomentPlane(length, plane, i + x * length, j + x * length, 1.0, sums);
  }
  WideVec total = {}, active = {};
  for (size_t x = begin; x < end; x++) {
    const bool enters = x + radius < s.x, leaves = x > begin && x > radius;
    const float *ni = i + (x + radius) * length, *nj = j + (x + radius) * length;
    const float *oi = leaves ? i + (x - radius - 1) * length : i, *oj = leaves ? j + (x - radius - 1) * length : j;
    if (enters && leaves) slideMomentPlane(length, plane, ni, nj, oi, oj, sums);
    else if (enters) addMomentPlane(length, plane, ni, nj, 1.0, sums);
    else if (leaves) addMomentPlane(length, plane, oi, oj, -1.0, sums);
    __builtin_memset(rows, 0, kNccStreams * row * sizeof(double));
    for (size_t y = 0; y < radius && y < s.y; y++) {
      for (size_t k = 0; k < kNccStreams; k++) slideRow(s.z, sums + k * plane + y * s.z, nullptr, rows + k * row);
    }
    for (size_t y = 0; y < s.y; y++) {
      for (size_t k = 0; k < kNccStreams; k++) {
        const double* of = sums + k * plane;
        slideRow(s.z, y + radius < s.y ? of + (y + radius) * s.z : nullptr,
                 y > radius ? of + (y - radius - 1) * s.z : nullptr, rows + k * row);
      }
      rowWindows(s, kNccStreams, rows, work, windows);
      for (size_t z = 0; z < s.z; z += kHalfLanes) {
        const int count = s.z - z < (size_t)kHalfLanes ? (int)(s.z - z) : kHalfLanes;
        const NccPoint p = nccPoint(s, loadDouble(windows + z), loadDouble(windows + row + z),
                                    loadDouble(windows + 2 * row + z), loadDouble(windows + 3 * row + z),
                                    loadDouble(windows + 4 * row + z));
        if (count == kHalfLanes) {
          total += p.value;
          active += p.active;
        } else {
          for (int l = 0; l < count; l++) total[l] += p.value[l], active[l] += p.active[l];
        }
        if (saved.cross == nullptr) continue;
        const size_t at = x * length + y * s.z + z;
        const WideVec twice = broadcastDouble(2.0);
        storeSaved(saved.cross + at, p.cross, count);
        storeSaved(saved.varJ + at, p.varJ, count);
        storeSaved(saved.meanJ + at, p.cross * p.meanI + twice * p.varJ * p.meanJ, count);
        if (saved.varI == nullptr) continue;
        storeSaved(saved.varI + at, p.varI, count);
        storeSaved(saved.meanI + at, p.cross * p.meanJ + twice * p.varI * p.meanI, count);
      }
    }
  }
  return {sumLanes(total), sumLanes(active)};
}

static void nccBackward(const NccShape& s, const float* i, const float* j, const NccSaved& saved, double factor,
                        float* di, float* dj, double* scratch, size_t begin, size_t end) {
  const size_t radius = s.window / 2, length = s.y * s.z, plane = nccPlane(s), row = nccRow(s);
  const double share = 1.0 / ((double)s.window * (double)s.window * (double)s.window);
  const WideVec scale = broadcastDouble(factor * share), two = broadcastDouble(2.0);
  // The streams that are needed, the shared one first.
  const float* streams[kNccStreams] = {saved.cross};
  size_t used = 1;
  if (dj != nullptr) streams[used++] = saved.varJ, streams[used++] = saved.meanJ;
  if (di != nullptr) streams[used++] = saved.varI, streams[used++] = saved.meanI;
  double* sums = scratch;
  double* rows = sums + kNccStreams * plane;
  double* windows = rows + kNccStreams * row;
  double* work = windows + kNccStreams * row;
  __builtin_memset(sums, 0, kNccStreams * plane * sizeof(double));
  for (size_t x = begin < radius ? 0 : begin - radius; x < begin + radius && x < s.x; x++) {
    for (size_t k = 0; k < used; k++) addPlane(length, streams[k] + x * length, 1.0, sums + k * plane);
  }
  for (size_t x = begin; x < end; x++) {
    const bool enters = x + radius < s.x, leaves = x > begin && x > radius;
    for (size_t k = 0; k < used; k++) {
      const float* in = streams[k] + (enters ? x + radius : 0) * length;
      const float* out = streams[k] + (leaves ? x - radius - 1 : 0) * length;
      if (enters && leaves) slidePlane(length, in, out, sums + k * plane);
      else if (enters) addPlane(length, in, 1.0, sums + k * plane);
      else if (leaves) addPlane(length, out, -1.0, sums + k * plane);
    }
    __builtin_memset(rows, 0, kNccStreams * row * sizeof(double));
    for (size_t y = 0; y < radius && y < s.y; y++) {
      for (size_t k = 0; k < used; k++) slideRow(s.z, sums + k * plane + y * s.z, nullptr, rows + k * row);
    }
    for (size_t y = 0; y < s.y; y++) {
      for (size_t k = 0; k < used; k++) {
        const double* of = sums + k * plane;
        slideRow(s.z, y + radius < s.y ? of + (y + radius) * s.z : nullptr,
                 y > radius ? of + (y - radius - 1) * s.z : nullptr, rows + k * row);
      }
      rowWindows(s, used, rows, work, windows);
      for (size_t z = 0; z < s.z; z += kHalfLanes) {
        const int count = s.z - z < (size_t)kHalfLanes ? (int)(s.z - z) : kHalfLanes;
        const size_t at = x * length + y * s.z + z;
        const WideVec a = count == kHalfLanes ? widen(i + at) : widenPart(i + at, count);
        const WideVec b = count == kHalfLanes ? widen(j + at) : widenPart(j + at, count);
        const WideVec cross = loadDouble(windows + z);
        size_t k = 1;
        if (dj != nullptr) {
          const WideVec var = loadDouble(windows + k * row + z), mean = loadDouble(windows + (k + 1) * row + z);
          storeSaved(dj + at, scale * (a * cross + two * b * var - mean), count);
          k += 2;
        }
        if (di != nullptr) {
          const WideVec var = loadDouble(windows + k * row + z), mean = loadDouble(windows + (k + 1) * row + z);
          storeSaved(di + at, scale * (b * cross + two * a * var - mean), count);
        }
      }
    }
  }
}

static const NccKernels kNccKernels = {nccScratch, nccForward, nccBackward};

}  // namespace NL_ISA
}  // namespace neuroloom
