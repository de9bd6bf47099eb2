// Pairs of matrices, their order of elimination and the structure of their factor: src/numerics/spectral/solver-pair.ts,
// nested-dissection.ts and symbolic-factor.ts.
#include <algorithm>
#include <vector>

#include "napi_call.h"
#include "spectral_arguments.h"
#include "spectral_ordering.h"
#include "spectral_pair.h"

namespace neuroloom {
namespace {

// Pattern of a symmetric matrix (starts, columns) from argument `at` on.
OrderingGraph patternAt(const Call& call, std::size_t at, std::size_t size) {
  const int* starts = call.ints(at, size + 1);
  const std::size_t entries = static_cast<std::size_t>(starts[size]);
  const int* columns = call.ints(at + 1, entries);
  for (std::size_t e = 0; e < entries; e++) {
    if (columns[e] < 0 || static_cast<std::size_t>(columns[e]) >= size) throw ArgumentError("a column is outside");
  }
  return patternGraph(static_cast<int>(size), starts, columns);
}

// (size, starts, columns, order)
napi_value spectralOrder(const Call& call) {
  const std::size_t size = call.count(0);
  int* order = call.ints(3, size);
  const std::vector<int> found = nestedDissection(patternAt(call, 1, size));
  std::copy(found.begin(), found.end(), order);
  return call.undefined();
}

void requirePermutation(const int* order, std::size_t size) {
  std::vector<char> isThere(size, 0);
  for (std::size_t i = 0; i < size; i++) {
    if (order[i] < 0 || static_cast<std::size_t>(order[i]) >= size || isThere[order[i]]) {
      throw ArgumentError("the order is no permutation");
    }
    isThere[order[i]] = 1;
  }
}

// (size, starts, columns, order, superStarts, rowStarts, panelStarts, parents, figures) -> rows. `order` is given and
// comes back as the final one; figures: supernodes, stackSize, largestPanel, largestUpdate, operations.
napi_value spectralSymbolic(const Call& call) {
  const std::size_t size = call.count(0);
  int* order = call.ints(3, size);
  int *superStarts = call.ints(4, size + 1), *rowStarts = call.ints(5, size + 1), *parents = call.ints(7, size);
  double *panelStarts = call.doubles(6, size + 1), *figures = call.doubles(8, 5);
  requirePermutation(order, size);
  const SymbolicStructure found = symbolicStructure(patternAt(call, 1, size), std::vector<int>(order, order + size));
  std::copy(found.order.begin(), found.order.end(), order);
  std::copy(found.superStarts.begin(), found.superStarts.end(), superStarts);
  std::copy(found.rowStarts.begin(), found.rowStarts.end(), rowStarts);
  std::copy(found.panelStarts.begin(), found.panelStarts.end(), panelStarts);
  std::copy(found.parents.begin(), found.parents.end(), parents);
  figures[0] = static_cast<double>(found.parents.size());
  figures[1] = found.stackSize;
  figures[2] = found.largestPanel;
  figures[3] = found.largestUpdate;
  figures[4] = found.operations;
  return call.makeInts(found.rows.data(), found.rows.size());
}

SparseRows rowsAt(const Call& call, std::size_t at, std::size_t size) {
  const int* starts = call.ints(at, size + 1);
  const std::size_t room = call.count(at + 3);
  return {starts, call.ints(at + 1, room), call.doubles(at + 2, room), room};
}

// (size, stiffness 1-4, mass 5-8: starts, columns, values, entries; written: starts, columns, stiffness, mass, diagonal,
// rowSums, component, figures) -> whether both are symmetric and the masses positive. figures: entries, connected parts,
// 1 where the mass is a diagonal.
napi_value spectralJoin(const Call& call) {
  const std::size_t size = call.count(0);
  const SparseRows stiffness = rowsAt(call, 1, size), mass = rowsAt(call, 5, size);
  const std::size_t room = stiffness.room + mass.room + size;
  JoinedPair joined{call.ints(9, size + 1),  call.ints(10, room),    call.doubles(11, room), call.doubles(12, room),
                    call.doubles(13, size), call.doubles(14, size), call.ints(15, size),    0,
                    0,                      false};
  double* figures = call.doubles(16, 3);
  if (!joinPair(static_cast<int>(size), stiffness, mass, joined)) return call.makeNumber(0);
  figures[0] = static_cast<double>(joined.entries);
  figures[1] = static_cast<double>(joined.components);
  figures[2] = joined.isDiagonal ? 1 : 0;
  return call.makeNumber(1);
}

// (size, pair 1-6, figures): total of the mass, norm of the stiffness, 1 for a Laplacian, 1 for a dominant mass
napi_value spectralPairFacts(const Call& call) {
  const PairFacts facts = pairFacts(pairAt(call, 1, call.count(0)));
  double* figures = call.doubles(7, 4);
  figures[0] = facts.totalMass;
  figures[1] = facts.stiffnessNorm;
  figures[2] = facts.isLaplacian ? 1 : 0;
  figures[3] = facts.hasDominantMass ? 1 : 0;
  return call.undefined();
}

// (size, pair 1-6, order; written: starts, columns, stiffness, mass, diagonalMass or null, rowSums)
napi_value spectralPermute(const Call& call) {
  const std::size_t size = call.count(0);
  const SpectralPair pair = pairAt(call, 1, size);
  const std::size_t entries = static_cast<std::size_t>(pair.starts[size]);
  const int* order = call.ints(7, size);
  requirePermutation(order, size);
  double* diagonal = pair.diagonalMass == nullptr ? nullptr : call.doubles(12, size);
  if (!permutePair(pair, order, call.ints(8, size + 1), call.ints(9, entries), call.doubles(10, entries),
                   call.doubles(11, entries), diagonal, call.doubles(13, size))) {
    throw ArgumentError("the pattern is not symmetric");
  }
  return call.undefined();
}

}  // namespace

void registerSpectralPair(napi_env env, napi_value exports) {
  defineFunction<spectralOrder>(env, exports, "spectralOrder");
  defineFunction<spectralSymbolic>(env, exports, "spectralSymbolic");
  defineFunction<spectralJoin>(env, exports, "spectralJoin");
  defineFunction<spectralPairFacts>(env, exports, "spectralPairFacts");
  defineFunction<spectralPermute>(env, exports, "spectralPermute");
}

}  // namespace neuroloom
