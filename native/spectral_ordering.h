// Order of elimination and structure of the factor: src/numerics/spectral/nested-dissection.ts and symbolic-factor.ts in
// C++, step for step, so that both give the same numbers.
#pragma once
#include <cstdint>
#include <vector>

namespace neuroloom {

// Xorshift generator: DrawSource of src/numerics/spectral/graph.ts.
class DrawSource {
 public:
  explicit DrawSource(std::uint32_t seed) : state_((seed * 0x9e3779b1u) ^ 0x6c078965u) {
    if (state_ == 0) state_ = 1;
    next();
    next();
  }
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  int below(int bound) { return static_cast<int>(next() % static_cast<std::uint32_t>(bound)); }

 private:
  std::uint32_t state_;
};

// Both directions of every edge, no loops.
struct OrderingGraph {
  int size = 0;
  std::vector<int> starts, neighbours;
};

// The off-diagonal pattern of a symmetric matrix.
OrderingGraph patternGraph(int size, const int* starts, const int* columns);

// order[i] is the node eliminated as number i.
std::vector<int> nestedDissection(const OrderingGraph& graph);

// See SymbolicFactor of src/numerics/spectral/symbolic-factor.ts.
struct SymbolicStructure {
  std::vector<int> order, superStarts, rowStarts, rows, parents;
  std::vector<double> panelStarts;
  double stackSize = 0, largestPanel = 0, largestUpdate = 0, operations = 0;
};

SymbolicStructure symbolicStructure(const OrderingGraph& graph, const std::vector<int>& order);

}  // namespace neuroloom
