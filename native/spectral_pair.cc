#include "spectral_pair.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace neuroloom {
namespace {

// The constants and the reasons for them: src/numerics/spectral/solver-pair.ts and eigsh.ts.
constexpr double kRoundings = 8;
constexpr double kAsymmetry = 1e-12;
constexpr double kDominance = 1 - 1e-9;

// Whether the rows stand inside the arrays, columns ascend, and every entry equals its mirror.
bool isSymmetric(int size, const SparseRows& a) {
  if (a.starts[0] != 0 || a.starts[size] < 0 || static_cast<std::size_t>(a.starts[size]) > a.room) return false;
  for (int i = 0; i < size; i++) {
    if (a.starts[i + 1] < a.starts[i] || a.starts[i + 1] > a.starts[size]) return false;
    for (int e = a.starts[i]; e < a.starts[i + 1]; e++) {
      const int least = e > a.starts[i] ? a.columns[e - 1] + 1 : 0;
      if (a.columns[e] < least || a.columns[e] >= size) return false;
    }
  }
  // Every entry of row i is met again, in order, when the rows of its column come.
  std::vector<int> next(a.starts, a.starts + size);
  for (int i = 0; i < size; i++) {
    for (int e = a.starts[i]; e < a.starts[i + 1]; e++) {
      const int j = a.columns[e], mirror = next[j]++;
      const double value = a.values[e];
      if (!std::isfinite(value) || mirror >= a.starts[j + 1] || a.columns[mirror] != i) return false;
      const double other = a.values[mirror];
      if (!(std::fabs(value - other) <= kAsymmetry * std::max(std::fabs(value), std::fabs(other)))) return false;
    }
  }
  return true;
}

void labelComponents(int size, JoinedPair& joined) {
  std::fill_n(joined.component, size, -1);
  std::vector<int> queue(static_cast<std::size_t>(size));
  int count = 0;
  for (int root = 0; root < size; root++) {
    if (joined.component[root] >= 0) continue;
    int head = 0, tail = 0;
    queue[tail++] = root;
    joined.component[root] = count;
    while (head < tail) {
      const int v = queue[head++];
      for (int e = joined.starts[v]; e < joined.starts[v + 1]; e++) {
        const int u = joined.columns[e];
        if (joined.component[u] >= 0 || (joined.stiffness[e] == 0 && joined.mass[e] == 0)) continue;
        joined.component[u] = count;
        queue[tail++] = u;
      }
    }
    count++;
  }
  joined.components = static_cast<std::size_t>(count);
}

}  // namespace

bool joinPair(int size, const SparseRows& stiffness, const SparseRows& mass, JoinedPair& joined) {
  if (!isSymmetric(size, stiffness) || !isSymmetric(size, mass)) return false;
  joined.isDiagonal = true;
  joined.starts[0] = 0;
  int at = 0;
  for (int i = 0; i < size; i++) {
    int s = stiffness.starts[i], m = mass.starts[i];
    const int sEnd = stiffness.starts[i + 1], mEnd = mass.starts[i + 1];
    bool isDiagonalPending = true;
    double sum = 0, absolute = 0;
    for (;;) {
      const int sColumn = s < sEnd ? stiffness.columns[s] : size, mColumn = m < mEnd ? mass.columns[m] : size;
      const int column = std::min({sColumn, mColumn, isDiagonalPending ? i : size});
      if (column == size) break;
      const double stiff = sColumn == column ? stiffness.values[s++] : 0, heavy = mColumn == column ? mass.values[m++] : 0;
      joined.columns[at] = column;
      joined.stiffness[at] = stiff;
      joined.mass[at] = heavy;
      at++;
      sum += stiff;
      absolute += std::fabs(stiff);
      if (column == i) {
        isDiagonalPending = false;
        joined.diagonal[i] = heavy;
        if (!(heavy > 0)) return false;
      } else if (heavy != 0) {
        joined.isDiagonal = false;
      }
    }
    joined.starts[i + 1] = at;
    joined.rowSums[i] = std::fabs(sum) <= kRoundings * std::numeric_limits<double>::epsilon() * absolute ? 0 : sum;
  }
  joined.entries = static_cast<std::size_t>(at);
  labelComponents(size, joined);
  return true;
}

PairFacts pairFacts(const SpectralPair& pair) {
  PairFacts facts{0, 0, true, true};
  const int count = pair.diagonalMass != nullptr ? pair.size : pair.starts[pair.size];
  const double* masses = pair.diagonalMass != nullptr ? pair.diagonalMass : pair.mass;
  double lost = 0;
  for (int e = 0; e < count; e++) {
    const double term = masses[e] - lost, sum = facts.totalMass + term;
    lost = sum - facts.totalMass - term;
    facts.totalMass = sum;
  }
  for (int i = 0; i < pair.size; i++) {
    double norm = 0, own = 0, others = 0;
    for (int e = pair.starts[i]; e < pair.starts[i + 1]; e++) {
      norm += std::fabs(pair.stiffness[e]);
      if (pair.columns[e] == i) own = pair.mass[e];
      else others += std::fabs(pair.mass[e]);
    }
    facts.stiffnessNorm = std::max(facts.stiffnessNorm, norm);
    if (pair.diagonalMass == nullptr && !(others < own * kDominance)) facts.hasDominantMass = false;
    if (pair.rowSums[i] != 0) facts.isLaplacian = false;
  }
  return facts;
}

bool permutePair(const SpectralPair& pair, const int* order, int* starts, int* columns, double* stiffness, double* mass,
                 double* diagonalMass, double* rowSums) {
  const int n = pair.size;
  std::vector<int> place(static_cast<std::size_t>(n)), end(place);
  starts[0] = 0;
  for (int i = 0; i < n; i++) {
    const int v = order[i];
    place[v] = i;
    end[i] = starts[i];
    starts[i + 1] = starts[i] + pair.starts[v + 1] - pair.starts[v];
    if (diagonalMass != nullptr) diagonalMass[i] = pair.diagonalMass[v];
    rowSums[i] = pair.rowSums[v];
  }
  // Entries of row v go to the rows of their columns, in the order of v: every new row comes out sorted.
  for (int i = 0; i < n; i++) {
    const int v = order[i];
    for (int e = pair.starts[v]; e < pair.starts[v + 1]; e++) {
      const int j = pair.columns[e];
      if (j < 0 || j >= n || end[place[j]] == starts[place[j] + 1]) return false;
      const int at = end[place[j]]++;
      columns[at] = i;
      stiffness[at] = pair.stiffness[e];
      mass[at] = pair.mass[e];
    }
  }
  return true;
}

}  // namespace neuroloom
