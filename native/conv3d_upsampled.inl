// Convolution over a coarse tensor that is doubled by nearest neighbour and joined with a fine one, without making
// either. A filter of three taps sees two coarse voxels along each axis: eight products instead of 27. What the taps
// add up to on the doubled grid is a filter of four offsets per axis (conv3d.h, mergeUpFilter), from the fine voxels
// -1, 0, 1, 2 relative to twice the coarse index.
namespace neuroloom {
namespace NL_ISA {

// ---- forward -------------------------------------------------------------------------------------------------------

struct UpTileArgs {
  const float* low[4];  // coarse rows, at the first coarse voxel of the tile
  const float* weights[4];
  int rows;
  size_t cLow;
  TileArgs fine;  // rows of the skip connection, the borders and the result
};

// T coarse voxels, twice as many results.
template <int T>
static __attribute__((noinline)) void upTile(const UpTileArgs& a) {
  Vec sum[2 * T];
#pragma GCC unroll 24
  for (int i = 0; i < 2 * T; i++) sum[i] = (Vec){};
  const ptrdiff_t cLow = a.cLow;
  for (int r = 0; r < a.rows; r++) {
    const float* x = a.low[r];
    const float* w = a.weights[r];
    for (ptrdiff_t c = 0; c < cLow; c++, x++, w += 4 * kLanes) {
      const float* near = x;
      NL_OPAQUE(near);
      const Vec before = load(w), even = load(w + kLanes), odd = load(w + 2 * kLanes), behind = load(w + 3 * kLanes);
      if (a.fine.hasLeft) sum[0] += broadcast(*(x - cLow)) * behind;
#pragma GCC unroll 12
      for (int i = 0; i < T; i++) {
        const Vec value = broadcast(*near);
        near += cLow;
        NL_OPAQUE(near);
        if (i > 0) sum[i > 0 ? 2 * i - 1 : 0] += value * before;
        sum[2 * i] += value * even;
        sum[2 * i + 1] += value * odd;
        if (i + 1 < T) sum[i + 1 < T ? 2 * i + 2 : 0] += value * behind;
      }
      if (a.fine.hasRight) sum[2 * T - 1] += broadcast(*near) * before;
    }
  }
  addTaps<2 * T>(a.fine, sum);
  finishTile<2 * T>(a.fine, sum);
}

typedef void (*UpTileFunction)(const UpTileArgs&);

template <int T>
static UpTileFunction upTileOf(size_t size) {
  if (size == T) return upTile<T>;
  if constexpr (T > 1) return upTileOf<T - 1>(size);
  return nullptr;
}

// A filter [4][4][4][rows][columns], or with `transposed` [4][4][4][columns][rows], packed to
// [block of kLanes columns][offset x][offset y][row][offset z][kLanes], zeros behind the columns.
static void packUp(const float* merged, size_t rows, size_t columns, bool transposed, float* packed) {
  const size_t across = transposed ? rows : 1, down = transposed ? 1 : columns;
  for (size_t first = 0; first < columns; first += kLanes) {
    const size_t used = columns - first < (size_t)kLanes ? columns - first : kLanes;
    for (size_t outer = 0; outer < 16; outer++) {
      for (size_t row = 0; row < rows; row++) {
        for (size_t z = 0; z < 4; z++) {
          const float* weights = merged + (outer * 4 + z) * rows * columns + row * down + first * across;
          for (size_t lane = 0; lane < used; lane++) packed[lane] = weights[lane * across];
          for (size_t lane = used; lane < (size_t)kLanes; lane++) packed[lane] = 0;
          packed += kLanes;
        }
      }
    }
  }
}

static size_t packedUpFloats(size_t rows, size_t columns) { return 64 * rows * convPadded(columns, kLanes); }

// The two coarse indices that a fine index sees and the offsets through which it sees them; count them from 1, so that
// 0 is outside.
NL_INLINE size_t coarseFromOne(size_t fine, size_t k) { return (fine + 1) / 2 + k; }
NL_INLINE size_t offsetOf(size_t fine, size_t k) { return fine % 2 == 0 ? (k == 0 ? 3 : 1) : (k == 0 ? 2 : 0); }

// One result row.
static void upRow(const UpConvPass& pass, const float* const* fine, const int* taps, int fineRows, const float* const* low,
                  const size_t* offsets, int lowRows, float* out) {
  const size_t half = pass.grid.z / 2, cSkip = pass.cSkip, cLow = pass.cLow, cout = pass.channels;
  constexpr size_t kHalfTile = kTile / 2;
  const size_t tiles = (half + kHalfTile - 1) / kHalfTile;
  UpTileArgs a;
  a.rows = lowRows;
  a.cLow = cLow;
  a.fine.rows = fineRows;
  a.fine.cin = cSkip;
  a.fine.cout = cout;
  a.fine.slope = pass.slope;
  for (size_t t = 0; t < tiles; t++) {
    const size_t from = half * t / tiles, to = half * (t + 1) / tiles;
    const UpTileFunction tile = upTileOf<(int)kHalfTile>(to - from);
    a.fine.hasLeft = from > 0;
    a.fine.hasRight = to < half;
    for (int r = 0; r < lowRows; r++) a.low[r] = low[r] + from * cLow;
    for (int r = 0; r < fineRows; r++) a.fine.sources[r] = fine[r] + 2 * from * cSkip;
    for (size_t first = 0; first < cout; first += kLanes) {
      const float* lowBlock = pass.packedLow + first * 64 * cLow;
      const float* fineBlock = pass.packedSkip + first * 27 * cSkip;
      for (int r = 0; r < lowRows; r++) a.weights[r] = lowBlock + offsets[r] * 4 * cLow * kLanes;
      for (int r = 0; r < fineRows; r++) a.fine.weights[r] = fineBlock + (size_t)taps[r] * 3 * cSkip * kLanes;
      a.fine.used = cout - first < (size_t)kLanes ? (int)(cout - first) : kLanes;
      a.fine.bias = loadPart(pass.bias + first, a.fine.used);
      a.fine.out = out + 2 * from * cout + first;
      tile(a);
    }
  }
}

static void convolveUp(const UpConvPass& pass, size_t begin, size_t end) {
  const ConvGrid& g = pass.grid;
  const size_t rowOut = g.z * pass.channels, rowSkip = g.z * pass.cSkip, rowLow = g.z / 2 * pass.cLow;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const float *fine[9], *low[4];
      int taps[9], fineRows = 0, lowRows = 0;
      size_t offsets[4];
      for (int tap = 0; tap < 9; tap++) {
        const size_t x1 = item.x + tap / 3, y1 = y + tap % 3;
        if (x1 == 0 || x1 > g.x || y1 == 0 || y1 > g.y) continue;
        fine[fineRows] = pass.skip + ((item.n * g.x + x1 - 1) * g.y + y1 - 1) * rowSkip;
        taps[fineRows++] = tap;
      }
      for (size_t k = 0; k < 4; k++) {
        const size_t x1 = coarseFromOne(item.x, k / 2), y1 = coarseFromOne(y, k % 2);
        if (x1 == 0 || x1 > g.x / 2 || y1 == 0 || y1 > g.y / 2) continue;
        low[lowRows] = pass.low + ((item.n * (g.x / 2) + x1 - 1) * (g.y / 2) + y1 - 1) * rowLow;
        offsets[lowRows++] = offsetOf(item.x, k / 2) * 4 + offsetOf(y, k % 2);
      }
      float* out = pass.result + ((item.n * g.x + item.x) * g.y + y) * rowOut;
      upRow(pass, fine, taps, fineRows, low, offsets, lowRows, out);
    }
  }
}

// ---- gradient to the coarse tensor ---------------------------------------------------------------------------------

struct LowTileArgs {
  const float* sources[16];  // fine rows, at the first fine voxel of the tile
  const float* weights[16];
  int rows;
  size_t channels;  // of the fine rows
  bool hasLeft, hasRight;
  float* out;
  size_t cLow;
  int used;
};

template <int T>
static __attribute__((noinline)) void lowTile(const LowTileArgs& a) {
  Vec sum[T];
#pragma GCC unroll 24
  for (int i = 0; i < T; i++) sum[i] = (Vec){};
  const ptrdiff_t channels = a.channels;
  for (int r = 0; r < a.rows; r++) {
    const float* x = a.sources[r];
    const float* w = a.weights[r];
    for (ptrdiff_t c = 0; c < channels; c++, x++, w += 4 * kLanes) {
      const float* near = x;
      NL_OPAQUE(near);
      const Vec before = load(w), even = load(w + kLanes), odd = load(w + 2 * kLanes), behind = load(w + 3 * kLanes);
      if (a.hasLeft) sum[0] += broadcast(*(x - channels)) * before;
#pragma GCC unroll 24
      for (int i = 0; i < T; i++) {
        const Vec first = broadcast(*near), second = broadcast(near[channels]);
        near += 2 * channels;
        NL_OPAQUE(near);
        sum[i] += first * even;
        if (i > 0) sum[i > 0 ? i - 1 : 0] += first * behind;
        if (i + 1 < T) sum[i + 1 < T ? i + 1 : 0] += second * before;
        sum[i] += second * odd;
      }
      if (a.hasRight) sum[T - 1] += broadcast(*near) * behind;
    }
  }
#pragma GCC unroll 24
  for (int i = 0; i < T; i++) {
    if (a.used == kLanes) {
      store(a.out + i * a.cLow, sum[i]);
    } else {
      storePart(a.out + i * a.cLow, sum[i], a.used);
    }
  }
}

typedef void (*LowTileFunction)(const LowTileArgs&);

template <int T>
static LowTileFunction lowTileOf(size_t size) {
  if (size == T) return lowTile<T>;
  if constexpr (T > 1) return lowTileOf<T - 1>(size);
  return nullptr;
}

// Tiles of the gradient need a register more than those of the convolution.
constexpr int kLowTile = kTile - 2;

// Fine rows around a band of coarse rows, gated in a ring of four planes.
class FineRing {
 public:
  FineRing(const ConvGrid& coarse, const ConvSource& source, float* ring)
      : coarse_(coarse), source_(source), ring_(ring), rowFloats_(2 * coarse.z * source.channels) {}

  NL_MEMBER void moveTo(const Item& item) {
    const bool next = started_ && item.n == item_.n && item.firstRow == item_.firstRow && item.x == item_.x + 1;
    item_ = item;
    started_ = true;
    if (source_.gate == nullptr) return;
    const size_t most = 2 * item.x + 3 < 2 * coarse_.x ? 2 * item.x + 3 : 2 * coarse_.x;
    for (size_t x = next ? 2 * item.x + 1 : (item.x > 0 ? 2 * item.x - 1 : 0); x < most; x++) fill(x);
  }

  // The row at (x - 1, y - 1), both counted from 1 so that 0 is outside; null outside the volume.
  NL_MEMBER const float* row(size_t x1, size_t y1) const {
    if (x1 == 0 || x1 > 2 * coarse_.x || y1 == 0 || y1 > 2 * coarse_.y) return nullptr;
    const size_t x = x1 - 1, y = y1 - 1;
    if (source_.gate == nullptr) return source_.values + tensorRow(x, y);
    return ring_ + (x % 4 * (2 * coarse_.band + 2) + (y1 - 2 * item_.firstRow)) * rowFloats_;
  }

 private:
  NL_MEMBER size_t tensorRow(size_t x, size_t y) const {
    return ((item_.n * 2 * coarse_.x + x) * 2 * coarse_.y + y) * rowFloats_;
  }

  NL_MEMBER void fill(size_t x) {
    const size_t from = item_.firstRow > 0 ? 2 * item_.firstRow - 1 : 0;
    const size_t to = 2 * item_.endRow + 1 < 2 * coarse_.y ? 2 * item_.endRow + 1 : 2 * coarse_.y;
    const size_t at = tensorRow(x, from);
    float* out = ring_ + (x % 4 * (2 * coarse_.band + 2) + (from + 1 - 2 * item_.firstRow)) * rowFloats_;
    applyGate(source_.values + at, source_.gate + at, source_.slope, (to - from) * rowFloats_, out);
  }

  const ConvGrid& coarse_;
  const ConvSource& source_;
  float* ring_;
  size_t rowFloats_;
  Item item_ = {0, 0, 0, 0};
  bool started_ = false;
};

static void gradientToLow(const LowGradientPass& pass, float* ring, size_t begin, size_t end) {
  const ConvGrid& g = pass.coarse;
  const size_t channels = pass.source.channels, cLow = pass.channels;
  FineRing rows(g, pass.source, ring);
  LowTileArgs a;
  a.channels = channels;
  a.cLow = cLow;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    rows.moveTo(item);
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const float* sources[16];
      size_t offsets[16];
      a.rows = 0;
      for (size_t k = 0; k < 16; k++) {
        const float* row = rows.row(2 * item.x + k / 4, 2 * y + k % 4);
        if (row == nullptr) continue;
        sources[a.rows] = row;
        offsets[a.rows++] = k;
      }
      float* out = pass.result + ((item.n * g.x + item.x) * g.y + y) * g.z * cLow;
      const size_t tiles = (g.z + kLowTile - 1) / kLowTile;
      for (size_t t = 0; t < tiles; t++) {
        const size_t from = g.z * t / tiles, to = g.z * (t + 1) / tiles;
        const LowTileFunction tile = lowTileOf<kLowTile>(to - from);
        a.hasLeft = from > 0;
        a.hasRight = to < g.z;
        for (int r = 0; r < a.rows; r++) a.sources[r] = sources[r] + 2 * from * channels;
        for (size_t first = 0; first < cLow; first += kLanes) {
          const float* block = pass.packed + first * 64 * channels;
          for (int r = 0; r < a.rows; r++) a.weights[r] = block + offsets[r] * 4 * channels * kLanes;
          a.used = cLow - first < (size_t)kLanes ? (int)(cLow - first) : kLanes;
          a.out = out + from * cLow + first;
          tile(a);
        }
      }
    }
  }
}

// ---- gradient of the merged filter ---------------------------------------------------------------------------------

#if NL_LANES == 16 || defined(__aarch64__)
constexpr int kUpChannels = 4;  // 16 sums, 4 center vectors
#else
constexpr int kUpChannels = 2;
#endif

// FilterArgs with rows of the fine center and the coarse neighbour; z counts coarse voxels, sums [channels][4][kLanes].
template <int C>
static __attribute__((noinline)) void upFilterBlock(const FilterArgs& a, size_t channel) {
  float* const sums = a.sums + channel * 4 * kLanes;
  const size_t stride = a.channels;
  Vec sum[C][4];
#pragma GCC unroll 4
  for (int c = 0; c < C; c++) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) sum[c][k] = load(sums + (c * 4 + k) * kLanes);
  }
  for (size_t row = 0; row < a.count; row++) {
    const float* g = a.rows[row].center;
    const float* x = a.rows[row].neighbour[0] + channel;
    Vec before = {}, even = load(g);
    for (size_t z = 0; z < a.z; z++) {
      const Vec odd = load(g + kLanes);
      const Vec behind = z + 1 < a.z ? load(g + 2 * kLanes) : (Vec){};
      __builtin_prefetch(g + (2 + kFilterAhead) * kLanes);
      __builtin_prefetch(x + kFilterAhead * stride);
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) {
        const Vec value = broadcast(x[c]);
        sum[c][0] += value * before;
        sum[c][1] += value * even;
        sum[c][2] += value * odd;
        sum[c][3] += value * behind;
      }
      g += 2 * kLanes;
      x += stride;
      before = odd;
      even = behind;
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; c++) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) store(sums + (c * 4 + k) * kLanes, sum[c][k]);
  }
}

template <int C>
static void upFilterChannels(const FilterArgs& a, size_t channel) {
  for (; channel + C <= a.channels; channel += C) upFilterBlock<C>(a, channel);
  if constexpr (C > 1) {
    if (channel < a.channels) upFilterChannels<C / 2>(a, channel);
  }
}

// Adds kLanes center channels of `count` pairs of rows at one offset along x and y.
static void upFilterOffset(FilterArgs& a, FilterRow* rows, size_t count, size_t offset, double* sums, size_t padded) {
  if (count == 0) return;
  for (size_t i = 0; i < a.channels * 4 * kLanes; i++) a.sums[i] = 0;
  const size_t group = 1 + kFilterGroup / (2 * a.z);
  for (size_t first = 0; first < count; first += group) {
    a.rows = rows + first;
    a.count = count - first < group ? count - first : group;
    upFilterChannels<kUpChannels>(a, 0);
  }
  for (size_t c = 0; c < a.channels; c++) {
    for (size_t k = 0; k < 4; k++) {
      addDoubles(sums + ((offset * 4 + k) * a.channels + c) * padded, load(a.sums + (c * 4 + k) * kLanes));
    }
  }
}

struct UpFilterScratch {
  size_t center, sums;

  explicit UpFilterScratch(const UpFilterPass& pass)
      : center(alignedFloats(pass.grid.band * pass.grid.z * convPadded(pass.center.channels, kLanes))),
        sums(alignedFloats(pass.cLow * 4 * kLanes)) {}
};

static size_t upFilterScratchFloats(const UpFilterPass& pass) {
  const UpFilterScratch size(pass);
  return size.center + size.sums;
}

static void filterGradientUp(const UpFilterPass& pass, float* scratch, double* sums, size_t begin, size_t end) {
  const ConvGrid& g = pass.grid;
  const UpFilterScratch size(pass);
  float* const center = scratch;
  FilterArgs a;
  a.z = g.z / 2;
  a.channels = pass.cLow;
  a.sums = center + size.center;
  const size_t padded = convPadded(pass.center.channels, kLanes), rowLow = a.z * pass.cLow;
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    copyCenter(g, pass.center, item, center, nullptr);
    const size_t block = (item.endRow - item.firstRow) * g.z * kLanes;
    for (size_t k = 0; k < 8; k++) {
      // Rows of one parity see the coarse rows through the same two offsets.
      const size_t side = k / 4, beside = k / 2 % 2, parity = k % 2;
      const size_t x1 = coarseFromOne(item.x, side);
      if (x1 == 0 || x1 > g.x / 2) continue;
      const size_t offset = offsetOf(item.x, side) * 4 + offsetOf(parity, beside);
      for (size_t first = 0; first < padded; first += kLanes) {
        FilterRow rows[kMostBand];
        size_t count = 0;
        for (size_t y = item.firstRow + (item.firstRow % 2 != parity ? 1 : 0); y < item.endRow; y += 2) {
          const size_t y1 = coarseFromOne(y, beside);
          if (y1 == 0 || y1 > g.y / 2) continue;
          rows[count].center = center + first / kLanes * block + (y - item.firstRow) * g.z * kLanes;
          rows[count++].neighbour[0] = pass.low + ((item.n * (g.x / 2) + x1 - 1) * (g.y / 2) + y1 - 1) * rowLow;
        }
        upFilterOffset(a, rows, count, offset, sums + first, padded);
      }
    }
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
