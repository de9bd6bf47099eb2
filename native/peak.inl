namespace neuroloom {
namespace NL_ISA {

// Enough independent chains to cover the latency of two FMA units; fewer than the registers of any set.
constexpr int kPeakChains = 10;

static void multiplyAdd(long rounds, float* sink) {
  Vec chains[kPeakChains];
#pragma GCC unroll 10
  for (int i = 0; i < kPeakChains; i++) chains[i] = broadcast(1.0f + (float)i);
  Vec factor = broadcast(0.999999f), addend = broadcast(1e-6f);
  for (long round = 0; round < rounds; round++) {
    // The compiler must neither fold the rounds nor keep the operands as known constants.
    __asm__ volatile("" : : : "memory");
#pragma GCC unroll 10
    for (int i = 0; i < kPeakChains; i++) chains[i] = chains[i] * factor + addend;
  }
  Vec total = chains[0];
#pragma GCC unroll 10
  for (int i = 1; i < kPeakChains; i++) total += chains[i];
  store(sink, total);
}

static const PeakKernels kPeakKernels = {2.0 * kPeakChains * NL_LANES, multiplyAdd};

}  // namespace NL_ISA
}  // namespace neuroloom
