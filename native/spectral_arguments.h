// Arguments that several calls of the eigen-solver share, in the order in which src/native/spectral.ts writes them.
#pragma once
#include <cstddef>

#include "dispatch/kernels.h"
#include "napi_call.h"

namespace neuroloom {

inline const SpectralKernels& spectral() { return *kernels().spectral; }

// (size, supernodes, superStarts, rowStarts, rows, panelStarts, parents) from argument `at` on
inline SpectralSymbolic symbolicAt(const Call& call, std::size_t at) {
  SpectralSymbolic symbolic{};
  const std::size_t size = call.count(at), supernodes = call.count(at + 1);
  symbolic.size = static_cast<int>(size);
  symbolic.supernodes = static_cast<int>(supernodes);
  symbolic.superStarts = call.ints(at + 2, supernodes + 1);
  symbolic.rowStarts = call.ints(at + 3, supernodes + 1);
  symbolic.rows = call.ints(at + 4, static_cast<std::size_t>(symbolic.rowStarts[supernodes]));
  symbolic.panelStarts = call.doubles(at + 5, supernodes + 1);
  symbolic.parents = call.ints(at + 6, supernodes);
  return symbolic;
}

inline std::size_t panelNumbers(const SpectralSymbolic& symbolic) {
  return static_cast<std::size_t>(symbolic.panelStarts[symbolic.supernodes]);
}

// (starts, columns, stiffness, mass, diagonalMass or null, rowSums) from argument `at` on
inline SpectralPair pairAt(const Call& call, std::size_t at, std::size_t size) {
  SpectralPair pair{};
  pair.size = static_cast<int>(size);
  pair.starts = call.ints(at, size + 1);
  const std::size_t entries = static_cast<std::size_t>(pair.starts[size]);
  pair.columns = call.ints(at + 1, entries);
  pair.stiffness = call.doubles(at + 2, entries);
  pair.mass = call.doubles(at + 3, entries);
  pair.diagonalMass = call.isNull(at + 4) ? nullptr : call.doubles(at + 4, size);
  pair.rowSums = call.doubles(at + 5, size);
  return pair;
}

}  // namespace neuroloom
