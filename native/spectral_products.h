// Loops over blocks of vectors that several calls of the eigen-solver share: see spectral.h for what a block is.
#pragma once
#include <cstddef>

#include "dispatch/kernels.h"
#include "scratch.h"

namespace neuroloom {

// out_b = sum of Q_j c[b][j] for `outBlocks` blocks: the coefficients once in the form that the kernel takes.
class BlockCombination {
 public:
  // coefficients: 4 count x 4 for each block of the result; basisWidth: 8 where the blocks of the basis stand two by two,
  // in rows of eight
  BlockCombination(const SpectralKernels& kernels, std::size_t count, const double* coefficients, std::size_t outBlocks,
                   std::size_t basisWidth = 4);

  // Numbers of working memory that one thread needs.
  std::size_t workSize() const;

  // The rows [begin, end) of the result; out may be the basis itself.
  void rows(std::size_t size, const double* basis, double* out, double* work, std::size_t begin, std::size_t end) const;

 private:
  const SpectralKernels& kernels_;
  const std::size_t basisWidth_, count_, outBlocks_, wide_, groups_;
  Scratch<double> packed_;
};

// Eigenpairs of a (n x n, destroyed), ascending; row i of `rows` (n x width) holds the last entries of vector i. Returns
// false when the iteration did not end.
bool ascendingEigen(const SpectralKernels& kernels, std::size_t n, double* a, std::size_t width, double* values,
                    double* rows);

}  // namespace neuroloom
