// Vectors of NL_LANES floats by the GCC/Clang vector extensions: SSE2, AVX2, AVX-512 or NEON from one source.
namespace neuroloom {
namespace NL_ISA {

#define NL_INLINE __attribute__((always_inline)) static inline
#define NL_MEMBER __attribute__((always_inline)) inline
// Makes the optimiser forget what it knows about a pointer; costs nothing.
#define NL_OPAQUE(pointer) __asm__("" : "+r"(pointer))

typedef float Vec __attribute__((vector_size(NL_LANES * 4)));
typedef int IntVec __attribute__((vector_size(NL_LANES * 4)));
typedef double DoubleVec __attribute__((vector_size(NL_LANES * 8)));
typedef double UnalignedDoubleVec __attribute__((vector_size(NL_LANES * 8), aligned(8), may_alias));
typedef float UnalignedVec __attribute__((vector_size(NL_LANES * 4), aligned(4), may_alias));

constexpr int kLanes = NL_LANES;

NL_INLINE Vec load(const float* p) { return (Vec) * (const UnalignedVec*)p; }
NL_INLINE void store(float* p, Vec v) { *(UnalignedVec*)p = (UnalignedVec)v; }
NL_INLINE Vec broadcast(float value) { return value - (Vec){}; }

// total[lane] += v[lane] in float64.
NL_INLINE void addDoubles(double* total, Vec v) {
  *(UnalignedDoubleVec*)total += (UnalignedDoubleVec)__builtin_convertvector(v, DoubleVec);
}

// Lanes of `yes` where `take` is true (all bits set, as comparisons give it), of `no` elsewhere.
NL_INLINE Vec select(IntVec take, Vec yes, Vec no) { return take ? yes : no; }

// The first `count` lanes, zeros behind; reads nothing else.
NL_INLINE Vec loadPart(const float* p, int count) {
  float lanes[NL_LANES] = {};
  for (int i = 0; i < count; i++) lanes[i] = p[i];
  return load(lanes);
}

NL_INLINE void storePart(float* p, Vec v, int count) {
  float lanes[NL_LANES];
  store(lanes, v);
  for (int i = 0; i < count; i++) p[i] = lanes[i];
}

}  // namespace NL_ISA
}  // namespace neuroloom
