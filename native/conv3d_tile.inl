// Result channels along the vector. A tile of kTile voxels of one row stays in registers over all 27 taps and all
// input channels; each input value is broadcast once and feeds the three results that it touches along z.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16
constexpr int kTile = 24;  // and 3 filter vectors of 32 registers
#elif NL_LANES == 8
constexpr int kTile = 10;
#elif defined(__aarch64__)
constexpr int kTile = 24;
#else
constexpr int kTile = 8;  // without fused multiply-add a product needs a register too
#endif

// packed: [block of kLanes results][tap / 3][cin][tap % 3][kLanes], zeros behind cout
static void packWide(const FilterView& view, float* packed) {
  const size_t stride = view.stride();
  for (size_t first = 0; first < view.cout; first += kLanes) {
    const size_t used = view.cout - first < (size_t)kLanes ? view.cout - first : kLanes;
    for (size_t outer = 0; outer < 9; outer++) {
      for (size_t in = 0; in < view.cin; in++) {
        for (size_t inner = 0; inner < 3; inner++) {
          const float* weights = view.weights(outer * 3 + inner, in) + first * stride;
          for (size_t lane = 0; lane < used; lane++) packed[lane] = weights[lane * stride];
          for (size_t lane = used; lane < (size_t)kLanes; lane++) packed[lane] = 0;
          packed += kLanes;
        }
      }
    }
  }
}

struct TileArgs {
  const float* sources[9];  // at the first voxel of the tile
  const float* weights[9];
  int rows;
  size_t cin;
  bool hasLeft, hasRight;  // whether the voxels before and behind the tile exist
  Vec bias;
  float slope;
  float* out;
  size_t cout;
  int used;  // lanes that are results
};

NL_INLINE Vec leakyRelu(Vec v, float slope) { return select(v > (Vec){}, v, v * broadcast(slope)); }

// Adds the products of all rows of the tile to its sums.
template <int T>
NL_INLINE void addTaps(const TileArgs& a, Vec* sum) {
  const ptrdiff_t cin = a.cin, cin3 = 3 * cin, cin4 = 4 * cin;
  for (int r = 0; r < a.rows; r++) {
    const float* x = a.sources[r];
    const float* w = a.weights[r];
    for (ptrdiff_t c = 0; c < cin; c++, x++, w += 3 * kLanes) {
      // One pointer per four voxels, hidden from the optimiser: it would keep 24 offsets, most of them in memory.
      const float* near = x;
      NL_OPAQUE(near);
      const Vec w0 = load(w), w1 = load(w + kLanes), w2 = load(w + 2 * kLanes);
      if (a.hasLeft) sum[0] += broadcast(*(x - cin)) * w0;
#pragma GCC unroll 24
      for (int i = 0; i < T; i++) {
        const Vec value = broadcast(i % 4 == 0 ? near[0] : i % 4 == 1 ? near[cin] : i % 4 == 2 ? near[2 * cin] : near[cin3]);
        if (i % 4 == 3) {
          near += cin4;
          NL_OPAQUE(near);
        }
        if (i + 1 < T) sum[i + 1 < T ? i + 1 : 0] += value * w0;
        sum[i] += value * w1;
        if (i > 0) sum[i > 0 ? i - 1 : 0] += value * w2;
      }
      if (a.hasRight) sum[T - 1] += broadcast(x[T * cin]) * w2;
    }
  }
}

// Bias, leaky ReLU, and the way to memory.
template <int T>
NL_INLINE void finishTile(const TileArgs& a, const Vec* sum) {
#pragma GCC unroll 24
  for (int i = 0; i < T; i++) {
    Vec v = sum[i] + a.bias;
    if (a.slope != 1) v = leakyRelu(v, a.slope);
    if (a.used == kLanes) {
      store(a.out + i * a.cout, v);
    } else {
      storePart(a.out + i * a.cout, v, a.used);
    }
  }
}

template <int T>
static __attribute__((noinline)) void wideTile(const TileArgs& a) {
  Vec sum[T];
#pragma GCC unroll 24
  for (int i = 0; i < T; i++) sum[i] = (Vec){};
  addTaps<T>(a, sum);
  finishTile<T>(a, sum);
}

typedef void (*TileFunction)(const TileArgs&);

template <int T>
static TileFunction wideTileOf(size_t size) {
  if (size == T) return wideTile<T>;
  if constexpr (T > 1) return wideTileOf<T - 1>(size);
  return nullptr;
}

// One result row of z voxels, cut into tiles of about the same size.
static void wideRow(const ConvPass& pass, const float* const* sources, const int* taps, int rows, float* out) {
  const size_t z = pass.grid.z, cin = pass.source.channels, cout = pass.channels;
  const size_t tiles = (z + kTile - 1) / kTile;
  TileArgs a;
  a.rows = rows;
  a.cin = cin;
  a.cout = cout;
  a.slope = pass.slope;
  for (size_t t = 0; t < tiles; t++) {
    const size_t from = z * t / tiles, to = z * (t + 1) / tiles;
    const TileFunction tile = wideTileOf<kTile>(to - from);
    a.hasLeft = from > 0;
    a.hasRight = to < z;
    for (int r = 0; r < rows; r++) a.sources[r] = sources[r] + from * cin;
    for (size_t first = 0; first < cout; first += kLanes) {
      const float* block = pass.packed + first * 27 * cin;
      for (int r = 0; r < rows; r++) a.weights[r] = block + (size_t)taps[r] * 3 * cin * kLanes;
      a.used = cout - first < (size_t)kLanes ? (int)(cout - first) : kLanes;
      a.bias = pass.bias == nullptr ? (Vec){} : loadPart(pass.bias + first, a.used);
      a.out = out + from * cout + first;
      tile(a);
    }
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
