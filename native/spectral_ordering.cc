#include "spectral_ordering.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "pool.h"

namespace neuroloom {
namespace {

// The constants and the reasons for them: src/numerics/spectral/vertex-separator.ts and nested-dissection.ts.
constexpr int kLeafSize = 120;
constexpr int kSeparator = 2;
constexpr double kBalance = 0.6;
constexpr int kCoarseSize = 100;
constexpr int kStarts = 6;
constexpr int kStartPasses = 8;
constexpr int kPasses = 4;
constexpr std::size_t kPatience = 60;
// Graphs smaller than this are not worth a second thread.
constexpr int kParallelFrom = 4096;

using Part = std::vector<unsigned char>;

struct WeightedGraph : OrderingGraph {
  std::vector<int> nodeWeights, edgeWeights;
};

WeightedGraph unweighted(OrderingGraph&& graph) {
  WeightedGraph weighted;
  static_cast<OrderingGraph&>(weighted) = std::move(graph);
  weighted.nodeWeights.assign(static_cast<std::size_t>(weighted.size), 1);
  weighted.edgeWeights.assign(weighted.neighbours.size(), 1);
  return weighted;
}

// Nodes by gain, larger gain first, then larger node: equal entries are the same, so any heap pops in the same order.
class GainHeap {
 public:
  bool isEmpty() const { return keys_.empty(); }
  int topGain() const { return static_cast<int>(keys_.front() >> 32); }
  int topNode() const { return static_cast<int>(keys_.front() & 0xffffffff); }
  void clear() { keys_.clear(); }
  void push(int gain, int node) {
    keys_.push_back(static_cast<std::int64_t>(gain) * (std::int64_t{1} << 32) + node);
    std::push_heap(keys_.begin(), keys_.end());
  }
  void pop() {
    std::pop_heap(keys_.begin(), keys_.end());
    keys_.pop_back();
  }

 private:
  std::vector<std::int64_t> keys_;
};

// SeparatorRefiner of vertex-separator.ts.
class SeparatorRefiner {
 public:
  SeparatorRefiner(const WeightedGraph& graph, Part& part) : graph_(graph), part_(part) {
    const std::size_t size = static_cast<std::size_t>(graph.size);
    for (int v = 0; v < graph.size; v++) {
      weights_[part[v]] += graph.nodeWeights[v];
      if (part[v] == kSeparator) candidates_.push_back(v);
    }
    largestHalf_ = static_cast<int>(kBalance * (weights_[0] + weights_[1] + weights_[2])) + 1;
    for (std::vector<int>& gains : gains_) gains.assign(size, 0);
    locked_.assign(size, 0);
  }

  bool pass() {
    const int before = weights_[kSeparator];
    begin();
    int best = before, bestDifference = std::abs(weights_[0] - weights_[1]);
    std::size_t bestLength = 0;
    for (;;) {
      const int side = choose();
      if (side < 0) break;
      const int v = heaps_[side].topNode();
      heaps_[side].pop();
      move(v, side);
      const int difference = std::abs(weights_[0] - weights_[1]);
      if (weights_[kSeparator] < best || (weights_[kSeparator] == best && difference < bestDifference)) {
        best = weights_[kSeparator];
        bestDifference = difference;
        bestLength = moved_.size();
      } else if (moved_.size() - bestLength > kPatience) {
        break;
      }
    }
    for (const int v : moved_) locked_[v] = 0;
    takeBack(bestLength);
    return best < before;
  }

 private:
  void begin() {
    candidates_.erase(
        std::remove_if(candidates_.begin(), candidates_.end(), [&](int v) { return part_[v] != kSeparator; }),
        candidates_.end());
    std::sort(candidates_.begin(), candidates_.end());
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    moved_.clear();
    pulled_.clear();
    pulledFrom_.clear();
    for (GainHeap& heap : heaps_) heap.clear();
    for (const int v : candidates_) {
      computeGains(v);
      queue(v);
    }
  }

  void computeGains(int v) {
    int within[3] = {0, 0, 0};
    for (int e = graph_.starts[v]; e < graph_.starts[v + 1]; e++) {
      const int u = graph_.neighbours[e];
      within[part_[u]] += graph_.nodeWeights[u];
    }
    gains_[0][v] = graph_.nodeWeights[v] - within[1];
    gains_[1][v] = graph_.nodeWeights[v] - within[0];
  }

  void queue(int v) {
    heaps_[0].push(gains_[0][v], v);
    heaps_[1].push(gains_[1][v], v);
  }

  int choose() {
    for (int side = 0; side < 2; side++) {
      GainHeap& heap = heaps_[side];
      while (!heap.isEmpty()) {
        const int v = heap.topNode();
        if (part_[v] == kSeparator && !locked_[v] && gains_[side][v] == heap.topGain()) break;
        heap.pop();
      }
    }
    if (heaps_[0].isEmpty() && heaps_[1].isEmpty()) return -1;
    int side;
    if (heaps_[0].isEmpty()) side = 1;
    else if (heaps_[1].isEmpty()) side = 0;
    else if (heaps_[0].topGain() != heaps_[1].topGain()) side = heaps_[0].topGain() > heaps_[1].topGain() ? 0 : 1;
    else side = weights_[0] <= weights_[1] ? 0 : 1;
    if (fits(side)) return side;
    side = 1 - side;
    return !heaps_[side].isEmpty() && fits(side) ? side : -1;
  }

  bool fits(int side) const { return weights_[side] + graph_.nodeWeights[heaps_[side].topNode()] <= largestHalf_; }

  void move(int v, int side) {
    const int other = 1 - side;
    part_[v] = static_cast<unsigned char>(side);
    locked_[v] = 1;
    weights_[kSeparator] -= graph_.nodeWeights[v];
    weights_[side] += graph_.nodeWeights[v];
    moved_.push_back(v);
    pulledFrom_.push_back(pulled_.size());
    for (int e = graph_.starts[v]; e < graph_.starts[v + 1]; e++) {
      const int u = graph_.neighbours[e];
      if (part_[u] == kSeparator) addGain(other, u, -graph_.nodeWeights[v]);
    }
    for (int e = graph_.starts[v]; e < graph_.starts[v + 1]; e++) {
      const int u = graph_.neighbours[e];
      if (part_[u] != other) continue;
      part_[u] = kSeparator;
      pulled_.push_back(u);
      weights_[other] -= graph_.nodeWeights[u];
      weights_[kSeparator] += graph_.nodeWeights[u];
      for (int f = graph_.starts[u]; f < graph_.starts[u + 1]; f++) {
        const int x = graph_.neighbours[f];
        if (part_[x] == kSeparator) addGain(side, x, graph_.nodeWeights[u]);
      }
      computeGains(u);
      if (!locked_[u]) queue(u);
      candidates_.push_back(u);
    }
  }

  void addGain(int side, int v, int change) {
    gains_[side][v] += change;
    if (!locked_[v]) heaps_[side].push(gains_[side][v], v);
  }

  void takeBack(std::size_t length) {
    while (moved_.size() > length) {
      const int v = moved_.back();
      moved_.pop_back();
      const std::size_t from = pulledFrom_.back();
      pulledFrom_.pop_back();
      const int side = part_[v];
      while (pulled_.size() > from) {
        const int u = pulled_.back();
        pulled_.pop_back();
        part_[u] = static_cast<unsigned char>(1 - side);
        weights_[kSeparator] -= graph_.nodeWeights[u];
        weights_[1 - side] += graph_.nodeWeights[u];
      }
      part_[v] = kSeparator;
      candidates_.push_back(v);
      weights_[side] -= graph_.nodeWeights[v];
      weights_[kSeparator] += graph_.nodeWeights[v];
    }
  }

  const WeightedGraph& graph_;
  Part& part_;
  int weights_[3] = {0, 0, 0};
  int largestHalf_ = 0;
  std::vector<int> gains_[2];
  Part locked_;
  GainHeap heaps_[2];
  std::vector<int> candidates_, moved_, pulled_;
  std::vector<std::size_t> pulledFrom_;
};

void refine(const WeightedGraph& graph, Part& part, int passes) {
  SeparatorRefiner refiner(graph, part);
  for (int pass = 0; pass < passes; pass++)
    if (!refiner.pass()) return;
}

std::vector<int> visitOrder(const OrderingGraph& graph, int seed) {
  std::vector<int> order;
  order.reserve(static_cast<std::size_t>(graph.size));
  Part seen(static_cast<std::size_t>(graph.size), 0);
  std::size_t head = 0;
  int scan = 0;
  order.push_back(seed);
  seen[seed] = 1;
  while (order.size() < static_cast<std::size_t>(graph.size)) {
    if (head == order.size()) {
      while (seen[scan]) scan++;
      order.push_back(scan);
      seen[scan] = 1;
    }
    const int v = order[head++];
    for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) {
      const int u = graph.neighbours[e];
      if (seen[u]) continue;
      seen[u] = 1;
      order.push_back(u);
    }
  }
  return order;
}

// In two steps through memory: contracted to one operation it could round differently from TypeScript.
double separatorScore(int separator, double imbalance) {
  volatile double balance = 1e-3 * imbalance * separator;
  volatile double weight = separator * (imbalance > kBalance ? 11.0 : 1.0);
  return weight + balance;
}

Part grownSeparator(const WeightedGraph& graph, DrawSource& draws) {
  const std::size_t size = static_cast<std::size_t>(graph.size);
  int total = 0;
  for (const int weight : graph.nodeWeights) total += weight;
  Part best(size, 0);
  double bestScore = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts; start++) {
    int seed = draws.below(graph.size);
    if (start % 2 == 1) seed = visitOrder(graph, seed).back();
    Part part(size, 1);
    std::int64_t grown = 0;
    for (const int v : visitOrder(graph, seed)) {
      if (2 * grown >= total) break;
      part[v] = 0;
      grown += graph.nodeWeights[v];
    }
    for (int v = 0; v < graph.size; v++) {
      if (part[v] != 1) continue;
      for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) {
        if (part[graph.neighbours[e]] != 0) continue;
        part[v] = kSeparator;
        break;
      }
    }
    refine(graph, part, kStartPasses);
    int weights[3] = {0, 0, 0};
    for (int v = 0; v < graph.size; v++) weights[part[v]] += graph.nodeWeights[v];
    const double imbalance = static_cast<double>(std::max(weights[0], weights[1])) / total;
    const double score = separatorScore(weights[kSeparator], imbalance);
    if (score < bestScore) {
      bestScore = score;
      best.swap(part);
    }
  }
  return best;
}

WeightedGraph coarsen(const WeightedGraph& graph, DrawSource& draws, int heaviest, std::vector<int>& place) {
  const int size = graph.size;
  std::vector<int> order(static_cast<std::size_t>(size));
  for (int i = 0; i < size; i++) order[i] = i;
  for (int i = size - 1; i > 0; i--) std::swap(order[i], order[draws.below(i + 1)]);
  std::vector<int> partner(static_cast<std::size_t>(size), -1);
  for (const int v : order) {
    if (partner[v] >= 0) continue;
    int best = v, bestWeight = -1;
    for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) {
      const int u = graph.neighbours[e];
      const bool isFree = partner[u] < 0 && graph.nodeWeights[u] + graph.nodeWeights[v] <= heaviest;
      if (!isFree || graph.edgeWeights[e] <= bestWeight) continue;
      best = u;
      bestWeight = graph.edgeWeights[e];
    }
    partner[v] = best;
    partner[best] = v;
  }
  place.assign(static_cast<std::size_t>(size), -1);
  std::vector<int> first;
  for (int v = 0; v < size; v++) {
    if (place[v] >= 0) continue;
    place[v] = place[partner[v]] = static_cast<int>(first.size());
    first.push_back(v);
  }
  WeightedGraph coarse;
  coarse.size = static_cast<int>(first.size());
  coarse.starts.assign(first.size() + 1, 0);
  coarse.nodeWeights.assign(first.size(), 0);
  coarse.neighbours.reserve(graph.neighbours.size());
  coarse.edgeWeights.reserve(graph.neighbours.size());
  std::vector<int> position(first.size(), -1);
  for (int k = 0; k < coarse.size; k++) {
    const int from = static_cast<int>(coarse.neighbours.size());
    const int members[2] = {first[k], partner[first[k]]};
    for (int m = 0; m < (members[0] == members[1] ? 1 : 2); m++) {
      const int v = members[m];
      coarse.nodeWeights[k] += graph.nodeWeights[v];
      for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) {
        const int u = place[graph.neighbours[e]];
        if (u == k) continue;
        if (position[u] >= from) {
          coarse.edgeWeights[position[u]] += graph.edgeWeights[e];
          continue;
        }
        position[u] = static_cast<int>(coarse.neighbours.size());
        coarse.neighbours.push_back(u);
        coarse.edgeWeights.push_back(graph.edgeWeights[e]);
      }
    }
    coarse.starts[k + 1] = static_cast<int>(coarse.neighbours.size());
  }
  return coarse;
}

Part vertexSeparator(const WeightedGraph& graph, DrawSource& draws) {
  if (graph.size <= kCoarseSize) return grownSeparator(graph, draws);
  std::int64_t total = 0;
  for (const int weight : graph.nodeWeights) total += weight;
  const int heaviest = static_cast<int>(std::max<std::int64_t>(2, 3 * total / (2 * kCoarseSize)));
  std::vector<int> place;
  const WeightedGraph coarse = coarsen(graph, draws, heaviest, place);
  if (coarse.size > 0.92 * graph.size) return grownSeparator(graph, draws);
  const Part coarsePart = vertexSeparator(coarse, draws);
  Part part(static_cast<std::size_t>(graph.size));
  for (int v = 0; v < graph.size; v++) part[v] = coarsePart[place[v]];
  refine(graph, part, kPasses);
  return part;
}

struct Task {
  WeightedGraph part;
  std::vector<int> nodes;
  int from;
  std::uint32_t seed;
};

Task half(const Task& task, const Part& side, int which, int size) {
  Task result;
  std::vector<int> place(static_cast<std::size_t>(task.part.size));
  result.nodes.reserve(static_cast<std::size_t>(size));
  std::vector<int> kept;
  kept.reserve(static_cast<std::size_t>(size));
  for (int v = 0; v < task.part.size; v++) {
    if (side[v] != which) continue;
    place[v] = static_cast<int>(kept.size());
    kept.push_back(v);
    result.nodes.push_back(task.nodes[v]);
  }
  OrderingGraph graph;
  graph.size = size;
  graph.starts.reserve(static_cast<std::size_t>(size) + 1);
  graph.starts.push_back(0);
  for (const int v : kept) {
    for (int e = task.part.starts[v]; e < task.part.starts[v + 1]; e++) {
      const int u = task.part.neighbours[e];
      if (side[u] == which) graph.neighbours.push_back(place[u]);
    }
    graph.starts.push_back(static_cast<int>(graph.neighbours.size()));
  }
  result.part = unweighted(std::move(graph));
  return result;
}

// Exact minimum degree on bit sets; ties go to the lower number.
void minimumDegree(const Task& task, int* order) {
  const WeightedGraph& graph = task.part;
  const int n = graph.size, words = (n + 63) / 64;
  std::vector<std::uint64_t> sets(static_cast<std::size_t>(n) * words, 0);
  std::vector<int> degree(static_cast<std::size_t>(n));
  const auto bit = [](int u) { return std::uint64_t{1} << (u & 63); };
  for (int v = 0; v < n; v++) {
    for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) {
      const int u = graph.neighbours[e];
      sets[static_cast<std::size_t>(v) * words + u / 64] |= bit(u);
    }
    degree[v] = graph.starts[v + 1] - graph.starts[v];
  }
  for (int step = 0; step < n; step++) {
    int least = -1;
    for (int v = 0; v < n; v++)
      if (degree[v] >= 0 && (least < 0 || degree[v] < degree[least])) least = v;
    degree[least] = -1;
    order[task.from + step] = task.nodes[least];
    const std::uint64_t* gone = &sets[static_cast<std::size_t>(least) * words];
    for (int w = 0; w < words; w++) {
      for (std::uint64_t bits = gone[w]; bits != 0; bits &= bits - 1) {
        const int u = 64 * w + __builtin_ctzll(bits);
        std::uint64_t* own = &sets[static_cast<std::size_t>(u) * words];
        for (int q = 0; q < words; q++) own[q] |= gone[q];
        own[u / 64] &= ~bit(u);
        own[least / 64] &= ~bit(least);
        int count = 0;
        for (int q = 0; q < words; q++) count += __builtin_popcountll(own[q]);
        degree[u] = count;
      }
    }
  }
}

// Cuts one part; its halves go to `tasks`, or the order of its nodes is written.
void dissect(const Task& task, int* order, std::vector<Task>& tasks) {
  const int size = task.part.size;
  if (size <= kLeafSize) return minimumDegree(task, order);
  DrawSource draws(task.seed);
  const Part side = vertexSeparator(task.part, draws);
  int sizes[3] = {0, 0, 0};
  for (const unsigned char which : side) sizes[which]++;
  if (sizes[0] == size || sizes[1] == size || sizes[kSeparator] == size) {
    std::copy(task.nodes.begin(), task.nodes.end(), order + task.from);
    return;
  }
  int last = task.from + sizes[0] + sizes[1];
  for (int v = 0; v < size; v++)
    if (side[v] == kSeparator) order[last++] = task.nodes[v];
  Task first = half(task, side, 0, sizes[0]), second = half(task, side, 1, sizes[1]);
  first.from = task.from;
  first.seed = 2 * task.seed;
  second.from = task.from + sizes[0];
  second.seed = 2 * task.seed + 1;
  tasks.push_back(std::move(second));
  tasks.push_back(std::move(first));
}

void dissectAll(std::vector<Task>& tasks, int* order) {
  while (!tasks.empty()) {
    const Task task = std::move(tasks.back());
    tasks.pop_back();
    dissect(task, order, tasks);
  }
}

// ---- structure of the factor ----

OrderingGraph permutedGraph(const OrderingGraph& graph, const std::vector<int>& order) {
  const int n = graph.size;
  std::vector<int> place(static_cast<std::size_t>(n));
  for (int i = 0; i < n; i++) place[order[i]] = i;
  OrderingGraph result;
  result.size = n;
  result.starts.assign(static_cast<std::size_t>(n) + 1, 0);
  result.neighbours.resize(graph.neighbours.size());
  for (int i = 0; i < n; i++) {
    const int v = order[i];
    result.starts[i + 1] = result.starts[i] + graph.starts[v + 1] - graph.starts[v];
  }
  // Node i enters the rows of its neighbours in ascending order of i: every row comes out sorted.
  std::vector<int> end(result.starts.begin(), result.starts.end() - 1);
  for (int i = 0; i < n; i++) {
    const int v = order[i];
    for (int e = graph.starts[v]; e < graph.starts[v + 1]; e++) result.neighbours[end[place[graph.neighbours[e]]]++] = i;
  }
  return result;
}

std::vector<int> eliminationTree(const OrderingGraph& graph) {
  std::vector<int> parent(static_cast<std::size_t>(graph.size), -1), ancestor(parent);
  for (int i = 0; i < graph.size; i++) {
    for (int e = graph.starts[i]; e < graph.starts[i + 1]; e++) {
      int k = graph.neighbours[e];
      while (k != -1 && k < i) {
        const int next = ancestor[k];
        ancestor[k] = i;
        if (next == -1) parent[k] = i;
        k = next;
      }
    }
  }
  return parent;
}

std::vector<int> postorder(const std::vector<int>& parent) {
  const int n = static_cast<int>(parent.size());
  std::vector<int> head(parent.size(), -1), next(parent.size(), -1), order, stack;
  order.reserve(parent.size());
  for (int i = n - 1; i >= 0; i--) {
    if (parent[i] < 0) continue;
    next[i] = head[parent[i]];
    head[parent[i]] = i;
  }
  for (int root = 0; root < n; root++) {
    if (parent[root] >= 0) continue;
    stack.push_back(root);
    while (!stack.empty()) {
      const int v = stack.back(), child = head[v];
      if (child >= 0) {
        head[v] = next[child];
        stack.push_back(child);
      } else {
        order.push_back(v);
        stack.pop_back();
      }
    }
  }
  return order;
}

std::vector<int> columnCounts(const OrderingGraph& graph, const std::vector<int>& parent) {
  std::vector<int> counts(parent.size(), 1), mark(parent.size(), -1);
  for (int i = 0; i < graph.size; i++) {
    mark[i] = i;
    for (int e = graph.starts[i]; e < graph.starts[i + 1]; e++) {
      for (int k = graph.neighbours[e]; k < i && mark[k] != i; k = parent[k]) {
        mark[k] = i;
        counts[k]++;
      }
    }
  }
  return counts;
}

double trapezoid(double columns, double rows) { return columns * rows - columns * (columns - 1) / 2; }

bool isWorthMerging(double columns, double zeros, double entries) {
  const double share = zeros / entries;
  if (columns <= 4) return true;
  if (columns <= 16) return share < 0.5;
  return columns <= 48 ? share < 0.15 : share < 0.05;
}

std::vector<int> supernodes(const std::vector<int>& parent, const std::vector<int>& counts) {
  const int n = static_cast<int>(parent.size());
  std::vector<int> children(parent.size(), 0), starts, merged{0};
  for (const int p : parent)
    if (p >= 0) children[p]++;
  for (int j = 0; j < n; j++) {
    const bool continues = j > 0 && parent[j - 1] == j && counts[j - 1] == counts[j] + 1 && children[j] == 1;
    if (!continues) starts.push_back(j);
  }
  starts.push_back(n);
  double columns = 0, rows = 0, zeros = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); s++) {
    const double own = starts[s + 1] - starts[s], ownRows = counts[starts[s]];
    const bool isChild = s > 0 && parent[starts[s] - 1] == starts[s];
    const double all = columns + own, entries = trapezoid(all, columns + ownRows);
    const double allZeros = zeros + entries - trapezoid(columns, rows) - trapezoid(own, ownRows);
    if (isChild && isWorthMerging(all, allZeros, entries)) {
      rows = columns + ownRows;
      columns = all;
      zeros = allZeros;
    } else {
      if (s > 0) merged.push_back(starts[s]);
      columns = own;
      rows = ownRows;
      zeros = 0;
    }
  }
  if (n > 0) merged.push_back(n);
  return merged;
}

void supernodeRows(const OrderingGraph& graph, SymbolicStructure& factor) {
  const std::size_t n = static_cast<std::size_t>(graph.size);
  const int count = static_cast<int>(factor.superStarts.size()) - 1;
  const std::vector<int>& superStarts = factor.superStarts;
  std::vector<int>& rows = factor.rows;
  std::vector<int> owner(n), mark(n, -1), firstChild(static_cast<std::size_t>(count), -1), nextChild(firstChild);
  for (int s = 0; s < count; s++) std::fill(owner.begin() + superStarts[s], owner.begin() + superStarts[s + 1], s);
  factor.parents.assign(static_cast<std::size_t>(count), -1);
  factor.rowStarts.assign(1, 0);
  factor.panelStarts.assign(1, 0);
  rows.reserve(8 * n + 16);
  double stack = 0;
  for (int s = 0; s < count; s++) {
    const int from = superStarts[s], to = superStarts[s + 1];
    for (int j = from; j < to; j++) {
      rows.push_back(j);
      mark[j] = s;
    }
    const std::size_t below = rows.size();
    const auto take = [&](int i) {
      if (i < to || mark[i] == s) return;
      mark[i] = s;
      rows.push_back(i);
    };
    for (int j = from; j < to; j++)
      for (int e = graph.starts[j]; e < graph.starts[j + 1]; e++) take(graph.neighbours[e]);
    double released = 0;
    for (int c = firstChild[s]; c >= 0; c = nextChild[c]) {
      const double update = factor.rowStarts[c + 1] - factor.rowStarts[c] - (superStarts[c + 1] - superStarts[c]);
      released += update * update;
      for (int r = factor.rowStarts[c]; r < factor.rowStarts[c + 1]; r++) take(rows[r]);
    }
    std::sort(rows.begin() + static_cast<std::ptrdiff_t>(below), rows.end());
    const double columns = to - from, height = static_cast<double>(rows.size()) - factor.rowStarts.back();
    const double update = height - columns;
    factor.rowStarts.push_back(static_cast<int>(rows.size()));
    factor.panelStarts.push_back(factor.panelStarts.back() + height * columns);
    for (int j = 0; j < columns; j++) factor.operations += (height - j) * (height - j);
    factor.largestPanel = std::max(factor.largestPanel, height * columns);
    factor.largestUpdate = std::max(factor.largestUpdate, update * update);
    stack += update * update - released;
    factor.stackSize = std::max(factor.stackSize, stack);
    if (update == 0) continue;
    const int p = owner[rows[below]];
    factor.parents[s] = p;
    nextChild[s] = firstChild[p];
    firstChild[p] = s;
  }
}

}  // namespace

OrderingGraph patternGraph(int size, const int* starts, const int* columns) {
  OrderingGraph graph;
  graph.size = size;
  graph.starts.reserve(static_cast<std::size_t>(size) + 1);
  graph.starts.push_back(0);
  graph.neighbours.reserve(static_cast<std::size_t>(starts[size]));
  for (int i = 0; i < size; i++) {
    for (int e = starts[i]; e < starts[i + 1]; e++)
      if (columns[e] != i) graph.neighbours.push_back(columns[e]);
    graph.starts.push_back(static_cast<int>(graph.neighbours.size()));
  }
  return graph;
}

std::vector<int> nestedDissection(const OrderingGraph& graph) {
  std::vector<int> order(static_cast<std::size_t>(graph.size));
  Task whole;
  whole.part = unweighted(OrderingGraph(graph));
  whole.nodes.resize(order.size());
  for (int i = 0; i < graph.size; i++) whole.nodes[i] = i;
  whole.from = 0;
  whole.seed = 1;
  std::vector<Task> tasks;
  dissect(whole, order.data(), tasks);
  // The halves do not know of each other: what each thread writes does not depend on the other.
  if (tasks.size() == 2 && graph.size >= kParallelFrom && threads() > 1) {
    forParts(2, [&](int part) {
      std::vector<Task> own;
      own.push_back(std::move(tasks[static_cast<std::size_t>(part)]));
      dissectAll(own, order.data());
    });
  } else {
    dissectAll(tasks, order.data());
  }
  return order;
}

SymbolicStructure symbolicStructure(const OrderingGraph& graph, const std::vector<int>& order) {
  SymbolicStructure factor;
  const std::vector<int> post = postorder(eliminationTree(permutedGraph(graph, order)));
  for (const int i : post) factor.order.push_back(order[i]);
  const OrderingGraph permuted = permutedGraph(graph, factor.order);
  const std::vector<int> parent = eliminationTree(permuted);
  factor.superStarts = supernodes(parent, columnCounts(permuted, parent));
  supernodeRows(permuted, factor);
  return factor;
}

}  // namespace neuroloom
