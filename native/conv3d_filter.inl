// Gradient of the filter. R neighbour rows times C of their channels are broadcast; with the three offsets along z
// that makes 3 R C sums of kLanes center channels in registers, kept over all rows of an item and then added to
// float64 sums.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16
constexpr int kFilterPairs = 8;  // largest R * C: 24 sums, 3 center vectors
#elif defined(__aarch64__)
constexpr int kFilterPairs = 8;
#elif NL_LANES == 8
constexpr int kFilterPairs = 4;
#else
constexpr int kFilterPairs = 3;
#endif

// One row of the center against R rows of the neighbour.
struct FilterRow {
  const float* center;
  const float* neighbour[3];
};

struct FilterArgs {
  const FilterRow* rows;
  size_t count;
  size_t z, centerStride, neighbourStride;
  double* sums[3];  // of each neighbour row: [3][neighbour channels][padded center channels]
  size_t tapStride, channelStride;
};

template <int R, int C>
static __attribute__((noinline)) void filterBlock(const FilterArgs& a) {
  Vec sum[3][R * C];
#pragma GCC unroll 3
  for (int k = 0; k < 3; k++) {
#pragma GCC unroll 9
    for (int i = 0; i < R * C; i++) sum[k][i] = (Vec){};
  }
  for (size_t row = 0; row < a.count; row++) {
    const float* g = a.rows[row].center;
    const float* x[R];
#pragma GCC unroll 3
    for (int r = 0; r < R; r++) x[r] = a.rows[row].neighbour[r];
    // The neighbour at z takes part with offset -1 for the center at z + 1, 0 at z, and 1 at z - 1.
    Vec before = {}, at = load(g);
    for (size_t z = 1; z <= a.z; z++) {
      g += a.centerStride;
      const Vec behind = z < a.z ? load(g) : (Vec){};
#pragma GCC unroll 3
      for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
        for (int c = 0; c < C; c++) {
          const Vec value = broadcast(x[r][c]);
          sum[0][r * C + c] += value * behind;
          sum[1][r * C + c] += value * at;
          sum[2][r * C + c] += value * before;
        }
        x[r] += a.neighbourStride;
      }
      before = at;
      at = behind;
    }
  }
#pragma GCC unroll 3
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++) {
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        float lanes[kLanes];
        store(lanes, sum[k][r * C + c]);
        double* total = a.sums[r] + k * a.tapStride + c * a.channelStride;
        for (int lane = 0; lane < kLanes; lane++) total[lane] += lanes[lane];
      }
    }
  }
}

// All channels of R neighbour rows, in blocks as large as the registers allow.
template <int R, int C>
static void filterChannels(FilterArgs& a, FilterRow* rows, size_t channels) {
  while (channels >= C) {
    filterBlock<R, C>(a);
    channels -= C;
    for (size_t row = 0; row < a.count; row++) {
      for (int r = 0; r < R; r++) rows[row].neighbour[r] += C;
    }
    for (int r = 0; r < R; r++) a.sums[r] += C * a.channelStride;
  }
  if constexpr (C > 1) {
    if (channels > 0) filterChannels<R, C / 2>(a, rows, channels);
  }
}

static size_t filterScratchFloats(const ConvFilterPass& pass) {
  const ConvGrid& g = pass.grid;
  const size_t ring = pass.neighbour.gate == nullptr ? 0 : convRingFloats(g, pass.neighbour.channels);
  const bool copied = pass.center.gate != nullptr || pass.center.channels % kLanes != 0;
  const size_t center = copied ? g.band * g.z * convPadded(pass.center.channels, kLanes) : 0;
  return ring + center + g.z * pass.neighbour.channels;
}

// The rows of an item, gated and padded to whole vectors.
static void copyCenter(const ConvGrid& g, const ConvSource& source, const Item& item, float* out) {
  const size_t channels = source.channels, padded = convPadded(channels, kLanes);
  const size_t at = ((item.n * g.x + item.x) * g.y + item.firstRow) * g.z * channels;
  const size_t voxels = (item.endRow - item.firstRow) * g.z;
  if (padded == channels) return applyGate(source.values + at, source.gate + at, source.slope, voxels * channels, out);
  const float* values = source.values + at;
  const float* gate = source.gate == nullptr ? nullptr : source.gate + at;
  for (size_t voxel = 0; voxel < voxels; voxel++) {
    for (size_t c = 0; c < channels; c++) {
      const float value = values[voxel * channels + c];
      out[voxel * padded + c] = gate == nullptr || gate[voxel * channels + c] > 0 ? value : value * source.slope;
    }
    for (size_t c = channels; c < padded; c++) out[voxel * padded + c] = 0;
  }
}

// The nine taps of one plane against kLanes center channels.
static void filterPlane(FilterArgs& a, const RowRing& neighbours, const float* zeros, const Item& item, size_t plane,
                        const float* center, double* sums) {
  const size_t channels = a.tapStride / a.channelStride, rowFloats = a.z * a.centerStride;
  FilterRow rows[kMostBand];
  a.rows = rows;
  if (3 * channels <= kFilterPairs + 1) {
    // Few channels: the three neighbours in y at once, or there were too few sums to keep the processor busy.
    a.count = 0;
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      FilterRow& row = rows[a.count++];
      row.center = center + (y - item.firstRow) * rowFloats;
      for (size_t b = 0; b < 3; b++) {
        const float* from = neighbours.row(item.x + plane, y + b);
        row.neighbour[b] = from == nullptr ? zeros : from;
      }
    }
    for (size_t b = 0; b < 3; b++) a.sums[b] = sums + b * 3 * a.tapStride;
    filterChannels<3, (kFilterPairs + 1) / 3>(a, rows, channels);
    return;
  }
  for (size_t b = 0; b < 3; b++) {
    a.count = 0;
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const float* from = neighbours.row(item.x + plane, y + b);
      if (from == nullptr) continue;
      FilterRow& row = rows[a.count++];
      row.center = center + (y - item.firstRow) * rowFloats;
      row.neighbour[0] = from;
    }
    a.sums[0] = sums + b * 3 * a.tapStride;
    filterChannels<1, kFilterPairs>(a, rows, channels);
  }
}

static void filterGradient(const ConvFilterPass& pass, float* scratch, double* sums, size_t begin, size_t end) {
  const ConvGrid& g = pass.grid;
  const size_t nc = pass.neighbour.channels, padded = convPadded(pass.center.channels, kLanes);
  const bool copied = pass.center.gate != nullptr || padded != pass.center.channels;
  float* zeros = scratch;  // stands for neighbour rows outside the volume
  float* centerCopy = zeros + g.z * nc;
  float* ring = centerCopy + (copied ? g.band * g.z * padded : 0);
  for (size_t i = 0; i < g.z * nc; i++) zeros[i] = 0;
  RowRing neighbours(g, pass.neighbour, ring);
  FilterArgs a;
  a.z = g.z;
  a.centerStride = padded;
  a.neighbourStride = nc;
  a.channelStride = padded;
  a.tapStride = nc * padded;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    neighbours.moveTo(item);
    const float* center = centerCopy;
    if (copied) {
      copyCenter(g, pass.center, item, centerCopy);
    } else {
      center = pass.center.values + ((item.n * g.x + item.x) * g.y + item.firstRow) * g.z * padded;
    }
    for (size_t plane = 0; plane < 3; plane++) {
      if (item.x + plane == 0 || item.x + plane > g.x) continue;
      double* const planeSums = sums + plane * 9 * a.tapStride;
      for (size_t first = 0; first < padded; first += kLanes) {
        filterPlane(a, neighbours, zeros, item, plane, center + first, planeSums + first);
      }
    }
  }
}

static void channelSums(const ConvGrid& g, const ConvSource& source, double* sums, size_t begin, size_t end) {
  const size_t channels = source.channels;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const size_t at = ((item.n * g.x + item.x) * g.y + y) * g.z * channels;
      const float* values = source.values + at;
      const float* gate = source.gate == nullptr ? nullptr : source.gate + at;
      size_t c = 0;
      for (; c + kLanes <= channels; c += kLanes) {
        DoubleVec total = {};
        for (size_t z = 0; z < g.z; z++) {
          Vec v = load(values + z * channels + c);
          if (gate != nullptr) v = select(load(gate + z * channels + c) > (Vec){}, v, v * broadcast(source.slope));
          total += __builtin_convertvector(v, DoubleVec);
        }
        for (int lane = 0; lane < kLanes; lane++) sums[c + lane] += total[lane];
      }
      for (; c < channels; c++) {
        for (size_t z = 0; z < g.z; z++) {
          const float v = values[z * channels + c];
          sums[c] += gate == nullptr || gate[z * channels + c] > 0 ? v : v * source.slope;
        }
      }
    }
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
