#include "dispatch/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NL_ISA isa_avx512
#define NL_ISA_NAME "avx512"
#define NL_LANES 16
#define NL_AVX512 1

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#include "dispatch/kernel_unit.inl"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace neuroloom {

const KernelTables* avx512Tables() {
  static const bool supported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return supported ? &isa_avx512::kTables : nullptr;
}

}  // namespace neuroloom

#else

namespace neuroloom {

const KernelTables* avx512Tables() { return nullptr; }

}  // namespace neuroloom

#endif
