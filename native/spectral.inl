// The kernels of the eigen-solver: see spectral.h.
#include "spectral_rows.inl"

#include "spectral_blocks.inl"
#include "spectral_dense.inl"
#include "spectral_factor.inl"
#include "spectral_solve.inl"

namespace neuroloom {
namespace NL_ISA {

template <class Row>
constexpr SpectralRowKernels kSpectralRowKernels = {spectralSolveRows<Row>, spectralMultiplyMass<Row>, spectralProject<Row>,
                                                    spectralAdd<Row>, spectralScale<Row>};

static const SpectralKernels kSpectralKernels = {
    spectralPackedSize,        spectralFactor,          kSpectralRowKernels<Four>, kSpectralRowKernels<Eight>,
    spectralSolvePair,         spectralMultiplyStiffness, spectralSubtractColumns, spectralColumnDots,
    spectralManyWide,          spectralManyProduct,     spectralGram,              spectralSmallEigen,
    spectralReducePencil,      spectralSolveUpper};

}  // namespace NL_ISA
}  // namespace neuroloom
