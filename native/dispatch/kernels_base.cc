#include "dispatch/kernels.h"

// What every processor of the family has: SSE2 on x86-64, NEON on ARM.
#define NL_ISA isa_baseline
#define NL_ISA_NAME "baseline"
#define NL_LANES 4
#define NL_BASELINE 1

#include "dispatch/kernel_unit.inl"

namespace neuroloom {

const KernelTables* baselineTables() { return &isa_baseline::kTables; }

}  // namespace neuroloom
