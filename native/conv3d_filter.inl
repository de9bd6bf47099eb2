// Gradient of the filter for few neighbour channels (conv3d_filter_pairs.inl: for more). The three neighbour rows in y
// times C channels are broadcast; with the three offsets along z that makes 9 C sums of kLanes center channels in
// registers. The sums of an item are float32, those over items float64.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16 || defined(__aarch64__)
constexpr int kFewNeighbours = 3;  // 27 sums, 3 center vectors
#else
constexpr int kFewNeighbours = 1;
#endif

// Voxels that are worth loading and storing the sums for.
constexpr size_t kFilterGroup = 128;

// How far ahead rows are fetched from the second-level cache, in voxels.
constexpr size_t kFilterAhead = 8;

// One row of the center against up to three of the neighbour.
struct FilterRow {
  const float* center;  // z vectors
  const float* neighbour[3];
};

struct FilterArgs {
  const FilterRow* rows;
  size_t count;
  size_t z, channels;  // channels of the neighbour
  float* sums;
};

template <int C>
NL_INLINE void fewStep(Vec (*sum)[3], const float* const* x, Vec before, Vec at, Vec behind) {
#pragma GCC unroll 3
  for (int r = 0; r < 3; r++) {
#pragma GCC unroll 3
    for (int c = 0; c < C; c++) {
      const Vec value = broadcast(x[r][c]);
      sum[c * 3 + r][0] += value * behind;
      sum[c * 3 + r][1] += value * at;
      sum[c * 3 + r][2] += value * before;
    }
  }
}

// Adds the products of all C channels to `sums`, the nine taps of a plane, whose rows are `padded` apart.
template <int C>
static __attribute__((noinline)) void fewTaps(const FilterArgs& a, double* sums, size_t padded) {
  Vec sum[C * 3][3];
#pragma GCC unroll 9
  for (int i = 0; i < C * 3; i++) {
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++) sum[i][k] = (Vec){};
  }
  for (size_t row = 0; row < a.count; row++) {
    const float* g = a.rows[row].center;
    const float* x[3] = {a.rows[row].neighbour[0], a.rows[row].neighbour[1], a.rows[row].neighbour[2]};
    // The neighbour at z takes part with offset -1 for the center at z + 1, 0 at z, and 1 at z - 1.
    Vec before = {}, at = load(g);
    for (size_t z = 1; z < a.z; z++) {
      g += kLanes;
      const Vec behind = load(g);
      fewStep<C>(sum, x, before, at, behind);
      __builtin_prefetch(g + kFilterAhead * kLanes);
#pragma GCC unroll 3
      for (int r = 0; r < 3; r++) {
        x[r] += C;
        __builtin_prefetch(x[r] + kFilterAhead * C);
      }
      before = at;
      at = behind;
    }
    fewStep<C>(sum, x, before, at, (Vec){});
  }
#pragma GCC unroll 9
  for (int i = 0; i < C * 3; i++) {
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++) addDoubles(sums + ((i % 3 * 3 + k) * C + i / 3) * padded, sum[i][k]);
  }
}

inline size_t alignedFloats(size_t floats) { return (floats + 15) / 16 * 16; }

// What filterFew needs beside its result, one behind the other.
struct FewScratch {
  size_t zeros, center, ring;

  explicit FewScratch(const ConvFilterPass& pass) {
    const ConvGrid& g = pass.grid;
    const size_t channels = pass.neighbour.channels;
    zeros = alignedFloats(g.z * channels);
    center = alignedFloats(g.band * g.z * convPadded(pass.center.channels, kLanes));
    ring = pass.neighbour.gate == nullptr ? 0 : convRingFloats(g, channels);
  }

  size_t floats() const { return zeros + center + ring; }
};

// The first `used` channels of a vector at `at`, gated; zeros behind them.
NL_INLINE Vec gatedPart(const ConvSource& source, size_t at, int used) {
  const Vec v = used == kLanes ? load(source.values + at) : loadPart(source.values + at, used);
  if (source.gate == nullptr) return v;
  const Vec y = used == kLanes ? load(source.gate + at) : loadPart(source.gate + at, used);
  return select(y > (Vec){}, v, v * broadcast(source.slope));
}

// The rows of an item, gated: [block of kLanes channels][row][z][kLanes], zeros behind the channels. Their sums over
// the voxels are added to totals [padded channels], unless that is null.
static void copyCenter(const ConvGrid& g, const ConvSource& source, const Item& item, float* out, double* totals) {
  const size_t channels = source.channels;
  const size_t at = ((item.n * g.x + item.x) * g.y + item.firstRow) * g.z * channels;
  const size_t voxels = (item.endRow - item.firstRow) * g.z;
  for (size_t first = 0; first < channels; first += kLanes) {
    const int used = channels - first < (size_t)kLanes ? (int)(channels - first) : kLanes;
    DoubleVec total = {};
    for (size_t voxel = 0; voxel < voxels; voxel++, out += kLanes) {
      const Vec v = gatedPart(source, at + first + voxel * channels, used);
      store(out, v);
      if (totals != nullptr) total += __builtin_convertvector(v, DoubleVec);
    }
    for (int lane = 0; totals != nullptr && lane < kLanes; lane++) totals[first + lane] += total[lane];
  }
}

// The nine taps of one plane against kLanes center channels.
static void fewPlane(FilterArgs& a, const RowRing& neighbours, const float* zeros, const Item& item, size_t plane,
                     const float* center, double* sums, size_t padded) {
  FilterRow rows[kMostBand];
  a.rows = rows;
  a.count = 0;
  for (size_t y = item.firstRow; y < item.endRow; y++) {
    FilterRow& row = rows[a.count++];
    row.center = center + (y - item.firstRow) * a.z * kLanes;
    for (size_t b = 0; b < 3; b++) {
      const float* from = neighbours.row(item.x + plane, y + b);
      row.neighbour[b] = from == nullptr ? zeros : from;
    }
  }
  sums += plane * 9 * a.channels * padded;
  if (a.channels == 1) return fewTaps<1>(a, sums, padded);
  if constexpr (kFewNeighbours == 3) return a.channels == 2 ? fewTaps<2>(a, sums, padded) : fewTaps<3>(a, sums, padded);
}

static void filterFew(const ConvFilterPass& pass, float* scratch, double* sums, double* centerSums, size_t begin,
                      size_t end) {
  const ConvGrid& g = pass.grid;
  const FewScratch size(pass);
  float* const zeros = scratch;  // stands for neighbour rows outside the volume
  float* const center = zeros + size.zeros;
  FilterArgs a;
  a.z = g.z;
  a.channels = pass.neighbour.channels;
  RowRing neighbours(g, pass.neighbour, center + size.center);
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
        fewPlane(a, neighbours, zeros, item, plane, center + first / kLanes * block, sums + first, padded);
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
