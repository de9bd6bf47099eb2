#include "dispatch/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NL_ISA isa_avx2
#define NL_ISA_NAME "avx2"
#define NL_LANES 8
#define NL_AVX2 1

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#include "dispatch/kernel_unit.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace neuroloom {

const KernelTables* avx2Tables() {
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return supported ? &isa_avx2::kTables : nullptr;
}

}  // namespace neuroloom

#else

namespace neuroloom {

const KernelTables* avx2Tables() { return nullptr; }

}  // namespace neuroloom

#endif
