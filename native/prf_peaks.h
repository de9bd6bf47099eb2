// Where the fits of a voxel start: the highest peaks of its scores over a grid.
#pragma once
#include <cstddef>
#include <cstdint>

namespace neuroloom {

struct PrfPeaks {
  std::size_t rows, columns;
  double* scores;         // (rows, columns): products with the data on entry; consumed
  const double* weights;  // (columns): factor of their square; null for 1
  bool allowNegative;     // else products of at most 0 score nothing
  std::size_t axes;
  const std::int32_t* sizes;  // (axes): their product is columns, the last axis fastest
  bool diagonal;              // on two axes: neighbours across corners count too
  std::size_t most;
};

// Rows [begin, end). out: (rows, most): places of the peaks, best first, of equal ones the first; then -1. A peak has no better
// neighbour; of equal neighbours the first counts. The twin of bestPeaks and the rules of its callers.
void prfPeaks(const PrfPeaks& p, std::int32_t* out, std::size_t begin, std::size_t end);

}  // namespace neuroloom
