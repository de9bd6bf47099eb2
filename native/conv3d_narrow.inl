// One to four result channels: the vector runs over input channels instead, so that no lane computes padding. The
// lanes are added up at the end, kLanes results at once.
namespace neuroloom {
namespace NL_ISA {

NL_INLINE bool usesNarrowTiles(size_t cin, size_t cout) {
  return NL_LANES >= 8 && cout <= 4 && cin % kLanes == 0;
}

// packed: [tap / 3][block of kLanes inputs][tap % 3][cout][kLanes]
static void packNarrow(const FilterView& view, float* packed) {
  for (size_t outer = 0; outer < 9; outer++) {
    for (size_t first = 0; first < view.cin; first += kLanes) {
      for (size_t inner = 0; inner < 3; inner++) {
        for (size_t out = 0; out < view.cout; out++) {
          for (size_t lane = 0; lane < (size_t)kLanes; lane++) {
            *packed++ = view.weights(outer * 3 + inner, first + lane)[out * view.stride()];
          }
        }
      }
    }
  }
}

// Lane i of the result is the sum over the lanes of v[i].
#if NL_LANES == 16
NL_INLINE __m512 addHalves(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}
NL_INLINE __m512 addQuads(const Vec* v) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps((__m512)v[0], (__m512)v[1]), _mm512_unpackhi_ps((__m512)v[0], (__m512)v[1]));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps((__m512)v[2], (__m512)v[3]), _mm512_unpackhi_ps((__m512)v[2], (__m512)v[3]));
  return _mm512_add_ps((__m512)_mm512_unpacklo_pd((__m512d)ab, (__m512d)cd), (__m512)_mm512_unpackhi_pd((__m512d)ab, (__m512d)cd));
}
NL_INLINE Vec addLanes(const Vec* v) {
  return (Vec)addHalves(addHalves(addQuads(v), addQuads(v + 4)), addHalves(addQuads(v + 8), addQuads(v + 12)));
}
#elif NL_LANES == 8
NL_INLINE __m256 addQuads(const Vec* v) {
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps((__m256)v[0], (__m256)v[1]), _mm256_unpackhi_ps((__m256)v[0], (__m256)v[1]));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps((__m256)v[2], (__m256)v[3]), _mm256_unpackhi_ps((__m256)v[2], (__m256)v[3]));
  return _mm256_add_ps((__m256)_mm256_unpacklo_pd((__m256d)ab, (__m256d)cd), (__m256)_mm256_unpackhi_pd((__m256d)ab, (__m256d)cd));
}
NL_INLINE Vec addLanes(const Vec* v) {
  const __m256 p = addQuads(v), q = addQuads(v + 4);
  return (Vec)_mm256_add_ps(_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31));
}
#else
NL_INLINE Vec addLanes(const Vec* v) {
  Vec total;
  for (int i = 0; i < kLanes; i++) {
    total[i] = 0;
    for (int lane = 0; lane < kLanes; lane++) total[i] += v[i][lane];
  }
  return total;
}
#endif

// T voxels times C results, at most kLanes sums in registers.
template <int C, int T>
static __attribute__((noinline)) void narrowTile(const TileArgs& a) {
  Vec sum[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) sum[i] = (Vec){};
  const size_t cin = a.cin;
  for (int r = 0; r < a.rows; r++) {
    const float* x = a.sources[r];
    const float* w = a.weights[r];
    for (size_t c = 0; c < cin; c += kLanes, x += kLanes, w += 3 * C * kLanes) {
      Vec weight[3][C];
#pragma GCC unroll 3
      for (int k = 0; k < 3; k++) {
#pragma GCC unroll 4
        for (int o = 0; o < C; o++) weight[k][o] = load(w + (k * C + o) * kLanes);
      }
      if (a.hasLeft) {
        const Vec value = load(x - cin);
#pragma GCC unroll 4
        for (int o = 0; o < C; o++) sum[o] += value * weight[0][o];
      }
#pragma GCC unroll 16
      for (int i = 0; i < T; i++) {
        const Vec value = load(x + i * cin);
#pragma GCC unroll 4
        for (int o = 0; o < C; o++) {
          if (i + 1 < T) sum[i + 1 < T ? (i + 1) * C + o : 0] += value * weight[0][o];
          sum[i * C + o] += value * weight[1][o];
          if (i > 0) sum[i > 0 ? (i - 1) * C + o : 0] += value * weight[2][o];
        }
      }
      if (a.hasRight) {
        const Vec value = load(x + T * cin);
#pragma GCC unroll 4
        for (int o = 0; o < C; o++) sum[(T - 1) * C + o] += value * weight[2][o];
      }
    }
  }
  Vec v = addLanes(sum) + a.bias;
  if (a.slope != 1) v = leakyRelu(v, a.slope);
  if (T * C == kLanes) {
    store(a.out, v);
  } else {
    storePart(a.out, v, T * C);
  }
}

template <int C, int T>
static TileFunction narrowTileOf(size_t size) {
  if (size == T) return narrowTile<C, T>;
  if constexpr (T > 1) return narrowTileOf<C, T - 1>(size);
  return nullptr;
}

template <int C>
static void narrowRowOf(const ConvPass& pass, const float* const* sources, const int* taps, int rows, float* out) {
  constexpr int most = kLanes / C;
  const size_t z = pass.grid.z, cin = pass.source.channels;
  const size_t tiles = (z + most - 1) / most;
  float bias[kLanes] = {};
  if (pass.bias != nullptr) {
    for (int i = 0; i < most * C; i++) bias[i] = pass.bias[i % C];
  }
  TileArgs a;
  a.rows = rows;
  a.cin = cin;
  a.slope = pass.slope;
  a.bias = load(bias);
  for (int r = 0; r < rows; r++) a.weights[r] = pass.packed + (size_t)taps[r] * 3 * C * cin;
  for (size_t t = 0; t < tiles; t++) {
    const size_t from = z * t / tiles, to = z * (t + 1) / tiles;
    a.hasLeft = from > 0;
    a.hasRight = to < z;
    for (int r = 0; r < rows; r++) a.sources[r] = sources[r] + from * cin;
    a.out = out + from * C;
    narrowTileOf<C, most>(to - from)(a);
  }
}

static void narrowRow(const ConvPass& pass, const float* const* sources, const int* taps, int rows, float* out) {
  switch (pass.channels) {
    case 1: return narrowRowOf<1>(pass, sources, taps, rows, out);
    case 2: return narrowRowOf<2>(pass, sources, taps, rows, out);
    case 3: return narrowRowOf<3>(pass, sources, taps, rows, out);
    default: return narrowRowOf<4>(pass, sources, taps, rows, out);
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
