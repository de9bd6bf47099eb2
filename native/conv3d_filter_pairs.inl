// Gradient of the filter where there are enough neighbour channels. Voxels are taken in pairs along z. The three sums
// of a pair g over its four neighbours x,
//   t0 = g0 x0 + g1 x1,  t1 = g0 x1 + g1 x2,  t2 = g0 x2 + g1 x3,
// need four products instead of six (Winograd's F(3, 2)):
//   m0 = g0 (x0 - x2),  m1 = (g0 + g1) (x1 + x2),  m2 = (g0 - g1) (x2 - x1),  m3 = g1 (x3 - x1),
//   t0 = m0 + (m1 + m2) / 2,  t1 = (m1 - m2) / 2,  t2 = (m1 + m2) / 2 + m3.
// The sums of m over about kHeldVoxels voxels are float32; t is made from them, and summed up, in float64.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16 || defined(__aarch64__)
constexpr int kPairSums = 24;  // vectors in registers
#elif NL_LANES == 8
constexpr int kPairSums = 12;
#else
constexpr int kPairSums = 10;
#endif

// Voxels whose products are summed in float32.
constexpr size_t kHeldVoxels = 1024;

// Floats of center and neighbour that stay in the first-level cache while all channels pass.
constexpr size_t kPairGroupFloats = 8192;

// How far ahead pairs are fetched from the second-level cache.
constexpr size_t kPairAhead = 4;

// One of the four products, for rows of the center and those of the neighbour at one offset along x and y.
struct PairArgs {
  const float* center;     // [pairs][V kLanes]
  const float* neighbour;  // [pairs][channels]
  size_t pairs, channels;
  float* sums;  // [channels][V kLanes]
};

// Adds the products of V center vectors with C channels, from `channel` on.
template <int V, int C>
static __attribute__((noinline)) void pairBlock(const PairArgs& a, size_t channel) {
  float* const sums = a.sums + channel * V * kLanes;
  const size_t stride = a.channels;
  Vec sum[C][V];
#pragma GCC unroll 24
  for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) sum[c][v] = load(sums + (c * V + v) * kLanes);
  }
  const float* g = a.center;
  const float* x = a.neighbour + channel;
  for (size_t p = 0; p < a.pairs; p++, g += V * kLanes, x += stride) {
    Vec center[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) center[v] = load(g + v * kLanes);
#pragma GCC unroll 24
    for (int c = 0; c < C; c++) {
      const Vec value = broadcast(x[c]);
#pragma GCC unroll 2
      for (int v = 0; v < V; v++) sum[c][v] += value * center[v];
    }
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) __builtin_prefetch(g + (kPairAhead * V + v) * kLanes);
    __builtin_prefetch(x + kPairAhead * stride);
  }
#pragma GCC unroll 24
  for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) store(sums + (c * V + v) * kLanes, sum[c][v]);
  }
}

typedef void (*PairFunction)(const PairArgs&, size_t);

template <int V, int C>
static PairFunction pairBlockOf(size_t channels) {
  if (channels == C) return pairBlock<V, C>;
  if constexpr (C > 1) return pairBlockOf<V, C - 1>(channels);
  return nullptr;
}

// All channels, in blocks of about the same size.
template <int V>
static void pairChannels(const PairArgs& a) {
  constexpr int kMost = kPairSums / V;
  const size_t blocks = (a.channels + kMost - 1) / kMost;
  for (size_t i = 0; i < blocks; i++) {
    const size_t from = a.channels * i / blocks, to = a.channels * (i + 1) / blocks;
    pairBlockOf<V, kMost>(to - from)(a, from);
  }
}

// The factors of each pair of a row: [pairs][channels], the four of them `step` apart. zeros: of one voxel, stands for
// those outside.
static void pairNeighbour(const float* row, const float* zeros, size_t z, size_t channels, float* out, size_t step) {
  const size_t pairs = (z + 1) / 2;
  for (size_t p = 0; p < pairs; p++, out += channels) {
    const float* x1 = row + 2 * p * channels;
    const float* x0 = p > 0 ? x1 - channels : zeros;
    const float* x2 = 2 * p + 1 < z ? x1 + channels : zeros;
    const float* x3 = 2 * p + 2 < z ? x1 + 2 * channels : zeros;
    size_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      const Vec a = load(x1 + c), b = load(x2 + c);
      store(out + c, load(x0 + c) - b);
      store(out + step + c, a + b);
      store(out + 2 * step + c, b - a);
      store(out + 3 * step + c, load(x3 + c) - a);
    }
    for (; c < channels; c++) {
      out[c] = x0[c] - x2[c];
      out[step + c] = x1[c] + x2[c];
      out[2 * step + c] = x2[c] - x1[c];
      out[3 * step + c] = x3[c] - x1[c];
    }
  }
}

// What filterPairs needs beside its result, one behind the other.
struct PairScratch {
  size_t pairs, padded;  // voxel pairs of a row, center channels
  size_t planeFloats;    // of one factor of the neighbour in one plane
  size_t zeros, gated, ring, center, sums;

  explicit PairScratch(const ConvFilterPass& pass) {
    const ConvGrid& g = pass.grid;
    const size_t channels = pass.neighbour.channels;
    pairs = (g.z + 1) / 2;
    padded = convPadded(pass.center.channels, kLanes);
    planeFloats = (g.band + 2) * pairs * channels;
    zeros = alignedFloats(channels);
    gated = alignedFloats(pass.neighbour.gate == nullptr ? 0 : g.z * channels);
    ring = alignedFloats(3 * 4 * planeFloats);
    center = alignedFloats(g.band * 4 * pairs * padded);
    sums = 36 * channels * padded;
  }

  size_t floats() const { return zeros + gated + ring + center + sums; }
};

// The factors of the neighbour's rows around an item, in a ring of three planes of one band: [plane][4][row].
class PairRing {
 public:
  PairRing(const ConvFilterPass& pass, const PairScratch& size, float* zeros, float* gated, float* ring)
      : grid_(pass.grid), source_(pass.neighbour), size_(size), zeros_(zeros), gated_(gated), ring_(ring) {
    for (size_t c = 0; c < source_.channels; c++) zeros[c] = 0;
  }

  void moveTo(const Item& item) {
    const bool next = started_ && item.n == item_.n && item.firstRow == item_.firstRow && item.x == item_.x + 1;
    item_ = item;
    started_ = true;
    const size_t last = item.x + 2 < grid_.x ? item.x + 2 : grid_.x;
    for (size_t x = next ? item.x + 1 : (item.x > 0 ? item.x - 1 : 0); x < last; x++) fill(x);
  }

  // One factor of the row at y - 1 in a plane; all rows behind it up to the end of the band follow.
  NL_MEMBER float* row(size_t x, size_t factor, size_t y1) const {
    return ring_ + (x % 3 * 4 + factor) * size_.planeFloats + (y1 - item_.firstRow) * size_.pairs * source_.channels;
  }

 private:

  void fill(size_t x) {
    const size_t from = item_.firstRow > 0 ? item_.firstRow - 1 : 0;
    const size_t to = item_.endRow < grid_.y ? item_.endRow + 1 : grid_.y;
    const size_t floats = grid_.z * source_.channels;
    for (size_t y = from; y < to; y++) {
      const size_t offset = ((item_.n * grid_.x + x) * grid_.y + y) * floats;
      const float* row = source_.values + offset;
      if (source_.gate != nullptr) {
        applyGate(row, source_.gate + offset, source_.slope, floats, gated_);
        row = gated_;
      }
      pairNeighbour(row, zeros_, grid_.z, source_.channels, this->row(x, 0, y + 1), size_.planeFloats);
    }
  }

  const ConvGrid& grid_;
  const ConvSource& source_;
  const PairScratch& size_;
  const float* zeros_;
  float *gated_, *ring_;
  Item item_ = {0, 0, 0, 0};
  bool started_ = false;
};

// The factors of V vectors of the center's channels, `used` of their lanes: [4][row of the item][pairs][V kLanes].
template <int V>
static void pairCenter(const ConvGrid& g, const ConvSource& source, const Item& item, size_t first, float* out,
                       double* totals) {
  const size_t channels = source.channels, pairs = (g.z + 1) / 2;
  const size_t step = (item.endRow - item.firstRow) * pairs * V * kLanes;
  DoubleVec total[V] = {};
  for (size_t y = item.firstRow; y < item.endRow; y++) {
    const size_t row = (((item.n * g.x + item.x) * g.y + y) * g.z) * channels + first;
    for (size_t p = 0; p < pairs; p++) {
      for (int v = 0; v < V; v++, out += kLanes) {
        const size_t at = row + 2 * p * channels + (size_t)(v * kLanes), behind = channels - first - (size_t)(v * kLanes);
        const int used = behind < (size_t)kLanes ? (int)behind : kLanes;
        const Vec even = gatedPart(source, at, used);
        const Vec odd = 2 * p + 1 < g.z ? gatedPart(source, at + channels, used) : (Vec){};
        store(out, even);
        store(out + step, even + odd);
        store(out + 2 * step, even - odd);
        store(out + 3 * step, odd);
        if (totals != nullptr) total[v] += __builtin_convertvector(even, DoubleVec) + __builtin_convertvector(odd, DoubleVec);
      }
    }
  }
  for (int v = 0; totals != nullptr && v < V; v++) {
    for (int lane = 0; lane < kLanes; lane++) totals[first + (size_t)(v * kLanes + lane)] += total[v][lane];
  }
}

// The 27 taps of an item against V center vectors. sums: [9][4] blocks of [channels][V kLanes], `stride` apart.
template <int V>
static void pairItem(const ConvGrid& g, const PairRing& neighbours, const PairScratch& size, const Item& item,
                     size_t channels, const float* center, float* sums, size_t stride) {
  const size_t rows = item.endRow - item.firstRow, vector = V * kLanes, cost = size.pairs * (channels + vector);
  const size_t group = cost < kPairGroupFloats ? kPairGroupFloats / cost : 1;
  PairArgs a;
  a.channels = channels;
  for (size_t plane = 0; plane < 3; plane++) {
    if (item.x + plane == 0 || item.x + plane > g.x) continue;
    for (size_t product = 0; product < 4; product++) {
      for (size_t first = 0; first < rows; first += group) {
        const size_t last = first + group < rows ? first + group : rows;
        for (size_t b = 0; b < 3; b++) {
          // Without the rows whose neighbour is outside the volume.
          const size_t from = item.firstRow + first + b == 0 ? first + 1 : first;
          const size_t to = item.firstRow + last - 1 + b == g.y + 1 ? last - 1 : last;
          a.center = center + (product * rows + from) * size.pairs * vector;
          a.neighbour = neighbours.row(item.x + plane - 1, product, item.firstRow + from + b);
          a.pairs = (to - from) * size.pairs;
          a.sums = sums + ((plane * 3 + b) * 4 + product) * stride;
          pairChannels<V>(a);
        }
      }
    }
  }
}

// Adds what `held` holds of V center vectors to the rows of `sums`, `padded` apart, and empties it.
template <int V>
static void releasePairs(float* held, size_t stride, size_t channels, double* sums, size_t padded) {
  for (size_t outer = 0; outer < 9; outer++, held += 4 * stride) {
    for (size_t c = 0; c < channels; c++) {
      for (size_t v = 0; v < V; v++) {
        DoubleVec m[4];
        for (size_t product = 0; product < 4; product++) {
          float* at = held + product * stride + (c * V + v) * kLanes;
          m[product] = __builtin_convertvector(load(at), DoubleVec);
          store(at, (Vec){});
        }
        const DoubleVec half = (m[1] + m[2]) * 0.5, taps[3] = {m[0] + half, (m[1] - m[2]) * 0.5, half + m[3]};
        for (size_t k = 0; k < 3; k++) {
          double* to = sums + ((outer * 3 + k) * channels + c) * padded + v * kLanes;
          *(UnalignedDoubleVec*)to += (UnalignedDoubleVec)taps[k];
        }
      }
    }
  }
}

static void filterPairs(const ConvFilterPass& pass, float* scratch, double* sums, double* centerSums, size_t begin,
                        size_t end) {
  const ConvGrid& g = pass.grid;
  const PairScratch size(pass);
  float* const gated = scratch + size.zeros;
  float* const ring = gated + size.gated;
  float* const center = ring + size.ring;
  float* const held = center + size.center;
  PairRing neighbours(pass, size, scratch, gated, ring);
  for (size_t i = 0; i < size.sums; i++) held[i] = 0;
  const size_t channels = pass.neighbour.channels, padded = size.padded, stride = channels * padded;
  const size_t pairVectors = padded / (2 * kLanes) * (2 * kLanes);
  const auto release = [&]() {
    for (size_t first = 0; first < padded; first += 2 * kLanes) {
      const auto part = first < pairVectors ? releasePairs<2> : releasePairs<1>;
      part(held + first * channels, stride, channels, sums + first, padded);
    }
  };
  size_t voxels = 0;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    neighbours.moveTo(item);
    for (size_t first = 0; first < padded; first += 2 * kLanes) {
      const bool two = first < pairVectors;
      (two ? pairCenter<2> : pairCenter<1>)(g, pass.center, item, first, center, centerSums);
      (two ? pairItem<2> : pairItem<1>)(g, neighbours, size, item, channels, center, held + first * channels, stride);
    }
    voxels += (item.endRow - item.firstRow) * g.z;
    if (voxels >= kHeldVoxels || i + 1 == end) {
      release();
      voxels = 0;
    }
  }
}

static bool usesPairs(const ConvFilterPass& pass) { return pass.neighbour.channels > (size_t)kFewNeighbours; }

static size_t filterScratchFloats(const ConvFilterPass& pass) {
  return usesPairs(pass) ? PairScratch(pass).floats() : FewScratch(pass).floats();
}

static void filterGradient(const ConvFilterPass& pass, float* scratch, double* sums, double* centerSums, size_t begin,
                           size_t end) {
  (usesPairs(pass) ? filterPairs : filterFew)(pass, scratch, sums, centerSums, begin, end);
}

}  // namespace NL_ISA
}  // namespace neuroloom
