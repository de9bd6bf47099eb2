// Rearrangements of vectors that the kernels over fields share: three components per voxel apart and together again.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16
#define NL_LANE_LIST(F, K) \
  F(0, K), F(1, K), F(2, K), F(3, K), F(4, K), F(5, K), F(6, K), F(7, K), F(8, K), F(9, K), F(10, K), F(11, K), F(12, K), F(13, K), F(14, K), F(15, K)
#define NL_HALF_LIST(F, K) F(0, K), F(1, K), F(2, K), F(3, K), F(4, K), F(5, K), F(6, K), F(7, K)
#elif NL_LANES == 8
#define NL_LANE_LIST(F, K) F(0, K), F(1, K), F(2, K), F(3, K), F(4, K), F(5, K), F(6, K), F(7, K)
#define NL_HALF_LIST(F, K) F(0, K), F(1, K), F(2, K), F(3, K)
#else
#define NL_LANE_LIST(F, K) F(0, K), F(1, K), F(2, K), F(3, K)
#define NL_HALF_LIST(F, K) F(0, K), F(1, K)
#endif


// Component K of lane l stands at 3l + K in three vectors: take it from the first two, then from the third.
#define NL_SPLIT_FIRST(l, K) (3 * (l) + (K) < 2 * NL_LANES ? 3 * (l) + (K) : 0)
#define NL_SPLIT_THIRD(l, K) (3 * (l) + (K) < 2 * NL_LANES ? (l) : 3 * (l) + (K) - NL_LANES)
// Element K * lanes + m of the interleaved row: component 0 and 1 first, then component 2.
#define NL_JOIN_FIRST(m, K) \
  (((K) * NL_LANES + (m)) % 3 == 0 ? ((K) * NL_LANES + (m)) / 3 : ((K) * NL_LANES + (m)) % 3 == 1 ? NL_LANES + ((K) * NL_LANES + (m)) / 3 : 0)
#define NL_JOIN_THIRD(m, K) (((K) * NL_LANES + (m)) % 3 == 2 ? NL_LANES + ((K) * NL_LANES + (m)) / 3 : (m))
// Lanes 2l + K of two vectors side by side.
#define NL_STRIDE_TWO(l, K) (2 * (l) + (K))
#define NL_IDENTITY(l, K) ((float)(l) + (K))

typedef float HalfVec __attribute__((vector_size(NL_LANES * 2)));
typedef float UnalignedHalfVec __attribute__((vector_size(NL_LANES * 2), aligned(4), may_alias));
typedef double WideVec __attribute__((vector_size(NL_LANES * 4)));
typedef double UnalignedWideVec __attribute__((vector_size(NL_LANES * 4), aligned(8), may_alias));
typedef long long LongVec __attribute__((vector_size(NL_LANES * 4)));
typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));
typedef float Oct __attribute__((vector_size(32)));
typedef float UnalignedOct __attribute__((vector_size(32), aligned(4), may_alias));

constexpr int kHalfLanes = NL_LANES / 2;

// Lanes of two vectors by constant indices. GCC has __builtin_shufflevector from version 12 on; its older form takes the
// indices as a vector and gives no narrower or wider result.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define NL_SHUFFLEVECTOR 1
#endif
#endif

#if defined(NL_SHUFFLEVECTOR)
#define NL_SHUFFLE(a, b, F, K) __builtin_shufflevector(a, b, NL_LANE_LIST(F, K))
#define NL_QUAD(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define NL_OCT(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int QuadIndices __attribute__((vector_size(16)));
typedef int OctIndices __attribute__((vector_size(32)));
#define NL_SHUFFLE(a, b, F, K) __builtin_shuffle(a, b, (IntVec){NL_LANE_LIST(F, K)})
#define NL_QUAD(a, b, ...) __builtin_shuffle(a, b, (QuadIndices){__VA_ARGS__})
#define NL_OCT(a, b, ...) __builtin_shuffle(a, b, (OctIndices){__VA_ARGS__})
#endif

NL_INLINE Quad loadQuad(const float* p) { return (Quad) * (const UnalignedQuad*)p; }
NL_INLINE void storeQuad(float* p, Quad v) { *(UnalignedQuad*)p = (UnalignedQuad)v; }
NL_INLINE Oct loadOct(const float* p) { return (Oct) * (const UnalignedOct*)p; }
NL_INLINE void storeOct(float* p, Oct v) { *(UnalignedOct*)p = (UnalignedOct)v; }
NL_INLINE Oct broadcastOct(float value) { return value - (Oct){}; }
NL_INLINE WideVec loadDouble(const double* p) { return (WideVec) * (const UnalignedWideVec*)p; }
NL_INLINE void storeDouble(double* p, WideVec v) { *(UnalignedWideVec*)p = (UnalignedWideVec)v; }
NL_INLINE WideVec broadcastDouble(double value) { return value - (WideVec){}; }
NL_INLINE WideVec widen(const float* p) {
  return __builtin_convertvector((HalfVec) * (const UnalignedHalfVec*)p, WideVec);
}
NL_INLINE void storeNarrow(float* p, WideVec v) {
  *(UnalignedHalfVec*)p = (UnalignedHalfVec)__builtin_convertvector(v, HalfVec);
}
NL_INLINE double sumLanes(WideVec v) {
  double total = 0;
  for (int i = 0; i < kHalfLanes; i++) total += v[i];
  return total;
}

#if defined(NL_AVX512) || defined(NL_AVX2)
NL_INLINE Oct joinQuads(Quad low, Quad high) {
  return (Oct)_mm256_insertf128_ps(_mm256_castps128_ps256((__m128)low), (__m128)high, 1);
}
NL_INLINE Quad lowQuad(Oct v) { return (Quad)_mm256_castps256_ps128((__m256)v); }
NL_INLINE Quad highQuad(Oct v) { return (Quad)_mm256_extractf128_ps((__m256)v, 1); }
#else
NL_INLINE Oct joinQuads(Quad low, Quad high) {
  return (Oct){low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]};
}
NL_INLINE Quad lowQuad(Oct v) { return (Quad){v[0], v[1], v[2], v[3]}; }
NL_INLINE Quad highQuad(Oct v) { return (Quad){v[4], v[5], v[6], v[7]}; }
#endif

// Three components per voxel of `lanes` voxels; `count` of them exist, the others read as 0.
NL_INLINE void loadComponents(const float* p, int count, Vec* first, Vec* second, Vec* third) {
  float padded[3 * NL_LANES];
  if (count < kLanes) {
    for (int i = 0; i < 3 * kLanes; i++) padded[i] = i < 3 * count ? p[i] : 0.0f;
    p = padded;
  }
  const Vec a = load(p), b = load(p + kLanes), c = load(p + 2 * kLanes);
  const Vec x = NL_SHUFFLE(a, b, NL_SPLIT_FIRST, 0), y = NL_SHUFFLE(a, b, NL_SPLIT_FIRST, 1);
  const Vec z = NL_SHUFFLE(a, b, NL_SPLIT_FIRST, 2);
  *first = NL_SHUFFLE(x, c, NL_SPLIT_THIRD, 0);
  *second = NL_SHUFFLE(y, c, NL_SPLIT_THIRD, 1);
  *third = NL_SHUFFLE(z, c, NL_SPLIT_THIRD, 2);
}

NL_INLINE void storeComponents(float* p, int count, Vec first, Vec second, Vec third) {
  Vec a = NL_SHUFFLE(first, second, NL_JOIN_FIRST, 0), b = NL_SHUFFLE(first, second, NL_JOIN_FIRST, 1);
  Vec c = NL_SHUFFLE(first, second, NL_JOIN_FIRST, 2);
  a = NL_SHUFFLE(a, third, NL_JOIN_THIRD, 0);
  b = NL_SHUFFLE(b, third, NL_JOIN_THIRD, 1);
  c = NL_SHUFFLE(c, third, NL_JOIN_THIRD, 2);
  if (count == kLanes) {
    store(p, a);
    store(p + kLanes, b);
    store(p + 2 * kLanes, c);
    return;
  }
  float padded[3 * NL_LANES];
  store(padded, a);
  store(padded + kLanes, b);
  store(padded + 2 * kLanes, c);
  for (int i = 0; i < 3 * count; i++) p[i] = padded[i];
}

// Largest integer not above v; v itself where it is no number or beyond 2^22, where nothing is left to round that
// matters to a grid coordinate.
NL_INLINE Vec floorOf(Vec v) {
#if defined(NL_AVX512)
  return (Vec)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(NL_AVX2)
  return (Vec)_mm256_floor_ps((__m256)v);
#else
  const Vec limit = broadcast(4194304.0f);
  const IntVec small = (v < limit) & (v > -limit);
  const Vec inRange = small ? v : (Vec){};
  Vec whole = __builtin_convertvector(__builtin_convertvector(inRange, IntVec), Vec);
  whole = whole > inRange ? whole - 1.0f : whole;
  return small ? whole : v;
#endif
}

}  // namespace NL_ISA
}  // namespace neuroloom
