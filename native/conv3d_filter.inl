// Gradient of the filter. R neighbour rows times C of their channels are broadcast; with the three offsets along z
// that makes 3 R C sums of kLanes center channels in registers. Few rows are taken at a time, against all neighbour
// channels, so that they stay in the first-level cache; the sums of an item are float32, those over items float64.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16
constexpr int kFilterPairs = 8;  // largest R * C but for 9 below: 24 sums, 3 center vectors
#elif defined(__aarch64__)
constexpr int kFilterPairs = 8;
#elif NL_LANES == 8
constexpr int kFilterPairs = 4;
#else
constexpr int kFilterPairs = 3;
#endif

// Voxels that are worth loading and storing the sums for.
constexpr size_t kFilterGroup = 128;

// How far ahead rows are fetched from the second-level cache, in voxels.
constexpr size_t kFilterAhead = 8;

// One row of the center against R rows of the neighbour.
struct FilterRow {
  const float* center;  // z vectors
  const float* neighbour[3];
};

struct FilterArgs {
  const FilterRow* rows;
  size_t count;
  size_t z, channels;  // channels of the neighbour
  float* sums;         // [channels][R][3][kLanes]
};

template <int R, int C>
NL_INLINE void filterStep(Vec (*sum)[3], const float* const* x, Vec before, Vec at, Vec behind) {
#pragma GCC unroll 3
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
    for (int c = 0; c < C; c++) {
      const Vec value = broadcast(x[r][c]);
      sum[c * R + r][0] += value * behind;
      sum[c * R + r][1] += value * at;
      sum[c * R + r][2] += value * before;
    }
  }
}

// Adds the products of C channels, from `channel` on.
template <int R, int C>
static __attribute__((noinline)) void filterBlock(const FilterArgs& a, size_t channel) {
  float* const sums = a.sums + channel * R * 3 * kLanes;
  const size_t stride = a.channels;
  Vec sum[C * R][3];
#pragma GCC unroll 9
  for (int i = 0; i < C * R; i++) {
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++) sum[i][k] = load(sums + (i * 3 + k) * kLanes);
  }
  for (size_t row = 0; row < a.count; row++) {
    const float* g = a.rows[row].center;
    const float* x[R];
#pragma GCC unroll 3
    for (int r = 0; r < R; r++) x[r] = a.rows[row].neighbour[r] + channel;
    // The neighbour at z takes part with offset -1 for the center at z + 1, 0 at z, and 1 at z - 1.
    Vec before = {}, at = load(g);
    for (size_t z = 1; z < a.z; z++) {
      g += kLanes;
      const Vec behind = load(g);
      filterStep<R, C>(sum, x, before, at, behind);
      __builtin_prefetch(g + kFilterAhead * kLanes);
#pragma GCC unroll 3
      for (int r = 0; r < R; r++) {
        x[r] += stride;
        __builtin_prefetch(x[r] + kFilterAhead * stride);
      }
      before = at;
      at = behind;
    }
    filterStep<R, C>(sum, x, before, at, (Vec){});
  }
#pragma GCC unroll 9
  for (int i = 0; i < C * R; i++) {
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++) store(sums + (i * 3 + k) * kLanes, sum[i][k]);
  }
}

// All channels from `channel` on, in blocks as large as the registers allow.
template <int R, int C>
static void filterChannels(const FilterArgs& a, size_t channel) {
  for (; channel + C <= a.channels; channel += C) filterBlock<R, C>(a, channel);
  if constexpr (C > 1) {
    if (channel < a.channels) filterChannels<R, C / 2>(a, channel);
  }
}

// Adds kLanes center channels of an item to sums, whose rows are `padded` apart: R neighbour rows, from `tap` / 3 on.
template <int R, int C>
static void filterTaps(FilterArgs& a, FilterRow* rows, size_t count, size_t tap, double* sums, size_t padded) {
  const size_t length = a.channels * R * 3 * kLanes;
  for (size_t i = 0; i < length; i++) a.sums[i] = 0;
  const size_t group = 1 + kFilterGroup / a.z;
  for (size_t first = 0; first < count; first += group) {
    a.rows = rows + first;
    a.count = count - first < group ? count - first : group;
    filterChannels<R, C>(a, 0);
  }
  for (size_t c = 0; c < a.channels; c++) {
    for (size_t r = 0; r < R; r++) {
      for (size_t k = 0; k < 3; k++) {
        addDoubles(sums + ((tap + r * 3 + k) * a.channels + c) * padded, load(a.sums + ((c * R + r) * 3 + k) * kLanes));
      }
    }
  }
}

// What filterGradient needs beside its result, one behind the other.
struct FilterScratch {
  size_t zeros, center, sums, ring;

  explicit FilterScratch(const ConvFilterPass& pass) {
    const ConvGrid& g = pass.grid;
    const size_t channels = pass.neighbour.channels;
    zeros = aligned(g.z * channels);
    center = aligned(g.band * g.z * convPadded(pass.center.channels, kLanes));
    sums = aligned(channels * 9 * kLanes);
    ring = pass.neighbour.gate == nullptr ? 0 : convRingFloats(g, channels);
  }

  static size_t aligned(size_t floats) { return (floats + 15) / 16 * 16; }
};

static size_t filterScratchFloats(const ConvFilterPass& pass) {
  const FilterScratch size(pass);
  return size.zeros + size.center + size.sums + size.ring;
}

// The rows of an item, gated: [block of kLanes channels][row][z][kLanes], zeros behind the channels. Their sums over
// the voxels are added to totals [padded channels], unless that is null.
static void copyCenter(const ConvGrid& g, const ConvSource& source, const Item& item, float* out, double* totals) {
  const size_t channels = source.channels;
  const size_t at = ((item.n * g.x + item.x) * g.y + item.firstRow) * g.z * channels;
  const size_t voxels = (item.endRow - item.firstRow) * g.z;
  for (size_t first = 0; first < channels; first += kLanes) {
    const float* values = source.values + at + first;
    const float* gate = source.gate == nullptr ? nullptr : source.gate + at + first;
    const int used = channels - first < (size_t)kLanes ? (int)(channels - first) : kLanes;
    DoubleVec total = {};
    for (size_t voxel = 0; voxel < voxels; voxel++, values += channels, out += kLanes) {
      Vec v = used == kLanes ? load(values) : loadPart(values, used);
      if (gate != nullptr) {
        const Vec y = used == kLanes ? load(gate) : loadPart(gate, used);
        v = select(y > (Vec){}, v, v * broadcast(source.slope));
        gate += channels;
      }
      store(out, v);
      if (totals != nullptr) total += __builtin_convertvector(v, DoubleVec);
    }
    for (int lane = 0; totals != nullptr && lane < kLanes; lane++) totals[first + lane] += total[lane];
  }
}

// The nine taps of one plane against kLanes center channels.
static void filterPlane(FilterArgs& a, const RowRing& neighbours, const float* zeros, const Item& item, size_t plane,
                        const float* center, double* sums, size_t padded) {
  FilterRow rows[kMostBand];
  if (3 * a.channels <= kFilterPairs + 1) {
    // Few channels: the three neighbours in y at once, or there were too few sums to keep the processor busy.
    size_t count = 0;
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      FilterRow& row = rows[count++];
      row.center = center + (y - item.firstRow) * a.z * kLanes;
      for (size_t b = 0; b < 3; b++) {
        const float* from = neighbours.row(item.x + plane, y + b);
        row.neighbour[b] = from == nullptr ? zeros : from;
      }
    }
    if (a.channels == 3) return filterTaps<3, 3>(a, rows, count, plane * 9, sums, padded);
    if (a.channels == 2) return filterTaps<3, 2>(a, rows, count, plane * 9, sums, padded);
    return filterTaps<3, 1>(a, rows, count, plane * 9, sums, padded);
  }
  for (size_t b = 0; b < 3; b++) {
    size_t count = 0;
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const float* from = neighbours.row(item.x + plane, y + b);
      if (from == nullptr) continue;
      FilterRow& row = rows[count++];
      row.center = center + (y - item.firstRow) * a.z * kLanes;
      row.neighbour[0] = from;
    }
    filterTaps<1, kFilterPairs>(a, rows, count, plane * 9 + b * 3, sums, padded);
  }
}

static void filterGradient(const ConvFilterPass& pass, float* scratch, double* sums, double* centerSums, size_t begin,
                           size_t end) {
  const ConvGrid& g = pass.grid;
  const FilterScratch size(pass);
  float* const zeros = scratch;  // stands for neighbour rows outside the volume
  float* const center = zeros + size.zeros;
  FilterArgs a;
  a.z = g.z;
  a.channels = pass.neighbour.channels;
  a.sums = center + size.center;
  RowRing neighbours(g, pass.neighbour, a.sums + size.sums);
  for (size_t i = 0; i < size.zeros; i++) zeros[i] = 0;
  const size_t padded = convPadded(pass.center.channels, kLanes);
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    neighbours.moveTo(item);
    copyCenter(g, pass.center, item, center, centerSums);
    const size_t block = (item.endRow - item.firstRow) * g.z * kLanes;
    for (size_t plane = 0; plane < 3; plane++) {
      if (item.x + plane == 0 || item.x + plane > g.x) continue;
      for (size_t first = 0; first < padded; first += kLanes) {
        filterPlane(a, neighbours, zeros, item, plane, center + first / kLanes * block, sums + first, padded);
      }
    }
  }
}

NL_INLINE Vec gatedAt(const ConvSource& source, size_t at) {
  const Vec v = load(source.values + at);
  if (source.gate == nullptr) return v;
  return select(load(source.gate + at) > (Vec){}, v, v * broadcast(source.slope));
}

NL_INLINE float gatedScalarAt(const ConvSource& source, size_t at) {
  const float v = source.values[at];
  return source.gate == nullptr || source.gate[at] > 0 ? v : v * source.slope;
}

constexpr size_t kFewChannels = 16;

// Sums of few channels over `floats` values from `at` on: vector i holds the same channels as vector i + channels.
static void fewChannelSums(const ConvSource& source, size_t at, size_t floats, double* sums) {
  const size_t channels = source.channels;
  DoubleVec totals[kFewChannels] = {};
  size_t i = 0, phase = 0;
  for (; i + kLanes <= floats; i += kLanes) {
    totals[phase] += __builtin_convertvector(gatedAt(source, at + i), DoubleVec);
    if (++phase == channels) phase = 0;
  }
  for (; i < floats; i++) sums[i % channels] += gatedScalarAt(source, at + i);
  for (size_t p = 0; p < channels; p++) {
    for (size_t lane = 0; lane < (size_t)kLanes; lane++) sums[(p * kLanes + lane) % channels] += totals[p][lane];
  }
}

static void channelSums(const ConvGrid& g, const ConvSource& source, double* sums, size_t begin, size_t end) {
  const size_t channels = source.channels;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    const size_t at = ((item.n * g.x + item.x) * g.y + item.firstRow) * g.z * channels;
    const size_t voxels = (item.endRow - item.firstRow) * g.z;
    if (channels <= kFewChannels && channels % kLanes != 0) {
      fewChannelSums(source, at, voxels * channels, sums);
      continue;
    }
    size_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      DoubleVec total = {};
      for (size_t v = 0; v < voxels; v++) {
        total += __builtin_convertvector(gatedAt(source, at + v * channels + c), DoubleVec);
      }
      for (int lane = 0; lane < kLanes; lane++) sums[c + lane] += total[lane];
    }
    for (; c < channels; c++) {
      for (size_t v = 0; v < voxels; v++) sums[c] += gatedScalarAt(source, at + v * channels + c);
    }
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
