// The function tables that stand between the argument code (compiled once) and the kernels (compiled per
// instruction set). A new family: a struct of function pointers in its own header, a member here, an `.inl` listed
// in kernel_unit.inl that defines the table, and a register_<family>.cc. No standard headers: kernel units see this.
#pragma once
#include "conv3d.h"
#include "elementwise.h"
#include "field.h"
#include "fooof.h"
#include "ncc.h"
#include "peak.h"
#include "pooling.h"
#include "prf.h"
#include "spectral.h"
#include "warp.h"

namespace neuroloom {

struct KernelTables {
  const char* name;  // 'avx512', 'avx2' or 'baseline'
  int lanes;         // floats per vector
  const PeakKernels* peak;
  const ConvKernels* conv;
  const PoolingKernels* pooling;
  const ElementwiseKernels* elementwise;
  const FieldKernels* field;
  const NccKernels* ncc;
  const WarpKernels* warp;
  const PrfKernels* prf;
  const SpectralKernels* spectral;
  const FooofKernels* fooof;
};

// Each is null where the unit was not compiled for this processor family, or the processor lacks the instructions.
const KernelTables* avx512Tables();
const KernelTables* avx2Tables();
const KernelTables* baselineTables();

// The tables in use: the best that the processor supports until selectTables names another.
const KernelTables& kernels();
// Selects by name; false where this processor cannot run it. Not to be called while a kernel runs.
bool selectTables(const char* name);

}  // namespace neuroloom
