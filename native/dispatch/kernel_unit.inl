// Everything that is compiled once per instruction set. The including file has defined NL_ISA (namespace),
// NL_ISA_NAME and NL_LANES and switched the target on; nothing below may include a standard header, or
// instructions of this set could end up in inline functions that the whole addon shares.
#include "dispatch/simd.inl"

#include "lanes.inl"

#include "conv3d.inl"
#include "elementwise.inl"
#include "field.inl"
#include "ncc.inl"
#include "peak.inl"
#include "pooling.inl"
#include "prf_products.inl"
#include "prf.inl"
#include "fooof.inl"
#include "spectral.inl"
#include "warp.inl"

namespace neuroloom {
namespace NL_ISA {

static const KernelTables kTables = {NL_ISA_NAME,          NL_LANES,     &kPeakKernels,
                                     &kConvKernels,        &kPoolingKernels, &kElementwiseKernels,
                                     &kFieldKernels,       &kNccKernels, &kWarpKernels, &kPrfKernels,
                                     &kSpectralKernels,     &kFooofKernels};

}  // namespace NL_ISA
}  // namespace neuroloom
