// The symmetric pair of the eigen-solver: src/numerics/spectral/solver-pair.ts in C++, step for step, so that both give the
// same numbers.
#pragma once
#include <cstddef>

#include "spectral.h"

namespace neuroloom {

// A sparse matrix, row after row, and how many entries its arrays hold.
struct SparseRows {
  const int* starts;
  const int* columns;
  const double* values;
  std::size_t room;
};

// Where joinPair writes: the numbers of SpectralPair, room for the entries of both matrices and the diagonal.
struct JoinedPair {
  int *starts, *columns;
  double *stiffness, *mass, *diagonal, *rowSums;
  // Connected part of each row, numbered by their first rows.
  int* component;
  std::size_t entries, components;
  bool isDiagonal;
};

// Both matrices on one pattern. False when one of them is not symmetric, has an entry that is no number, or when the mass
// has a diagonal entry that is not positive.
bool joinPair(int size, const SparseRows& stiffness, const SparseRows& mass, JoinedPair& joined);

struct PairFacts {
  // Sum of all entries of the mass, compensated.
  double totalMass;
  // Largest absolute column sum of the stiffness.
  double stiffnessNorm;
  // Whether every row of the stiffness sums to 0, and whether every diagonal entry of the mass outweighs its row.
  bool isLaplacian, hasDominantMass;
};

PairFacts pairFacts(const SpectralPair& pair);

// Rows and columns renumbered: row i of the result is row order[i]. `order` is a permutation. False when the pattern is not
// symmetric.
bool permutePair(const SpectralPair& pair, const int* order, int* starts, int* columns, double* stiffness, double* mass,
                 double* diagonalMass, double* rowSums);

}  // namespace neuroloom
