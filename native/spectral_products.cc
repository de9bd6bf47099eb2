#include "spectral_products.h"

#include <algorithm>
#include <vector>

namespace neuroloom {
namespace {

// Rows that are copied aside, so that the result may stand where the basis stood.
constexpr std::size_t kRows = 64;

}  // namespace

BlockCombination::BlockCombination(const SpectralKernels& kernels, std::size_t count, const double* coefficients,
                                   std::size_t outBlocks, std::size_t basisWidth)
    : kernels_(kernels),
      basisWidth_(basisWidth),
      count_(count),
      outBlocks_(outBlocks),
      wide_(static_cast<std::size_t>(kernels.manyWide())),
      groups_((4 * outBlocks + wide_ - 1) / wide_),
      packed_(4 * count * wide_ * groups_) {
  const std::size_t groupBlocks = wide_ / 4;
  for (std::size_t b = 0; b < groups_ * groupBlocks; b++) {
    double* target = packed_.get() + (b / groupBlocks) * 4 * count * wide_ + 4 * (b % groupBlocks);
    for (std::size_t row = 0; row < 4 * count; row++) {
      for (std::size_t c = 0; c < 4; c++) {
        target[row * wide_ + c] = b < outBlocks ? coefficients[16 * count * b + 4 * row + c] : 0.0;
      }
    }
  }
}

std::size_t BlockCombination::workSize() const { return scratchStride(4 * kRows * count_ + kRows * wide_); }

void BlockCombination::rows(std::size_t size, const double* basis, double* out, double* work, std::size_t begin,
                            std::size_t end) const {
  const std::size_t groupBlocks = wide_ / 4;
  double* result = work + 4 * kRows * count_;
  for (std::size_t first = begin; first < end; first += kRows) {
    const std::size_t rows = std::min(kRows, end - first);
    for (std::size_t j = 0; j < count_; j++) {
      const double* source = basis + 4 * j / basisWidth_ * basisWidth_ * size + 4 * j % basisWidth_ + basisWidth_ * first;
      double* target = work + 4 * kRows * j;
      for (std::size_t i = 0; i < rows; i++) std::copy_n(source + basisWidth_ * i, 4, target + 4 * i);
    }
    for (std::size_t g = 0; g < groups_; g++) {
      kernels_.manyProduct(work, 4 * kRows, static_cast<long>(count_), packed_.get() + g * 4 * count_ * wide_, result,
                           static_cast<long>(rows));
      for (std::size_t t = 0; t < groupBlocks && g * groupBlocks + t < outBlocks_; t++) {
        double* to = out + 4 * ((g * groupBlocks + t) * size + first);
        for (std::size_t i = 0; i < rows; i++) std::copy_n(result + i * wide_ + 4 * t, 4, to + 4 * i);
      }
    }
  }
}

bool ascendingEigen(const SpectralKernels& kernels, std::size_t n, double* a, std::size_t width, double* values,
                    double* rows) {
  Scratch<double> turned(n * width), found(n), work(4 * n);
  const bool converged =
      kernels.smallEigen(static_cast<int>(n), a, static_cast<int>(width), found.get(), turned.get(), work.get());
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; i++) order[i] = i;
  if (converged) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t x, std::size_t y) { return found.get()[x] < found.get()[y]; });
  }
  for (std::size_t i = 0; i < n; i++) {
    values[i] = found.get()[order[i]];
    std::copy_n(turned.get() + order[i] * width, width, rows + i * width);
  }
  return converged;
}

}  // namespace neuroloom
