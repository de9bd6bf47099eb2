#pragma once

namespace neuroloom {

// Where the entries of a factor stand: see src/numerics/spectral/symbolic-factor.ts.
struct SpectralSymbolic {
  int size, supernodes;
  const int* superStarts;
  const int* rowStarts;
  const int* rows;
  const double* panelStarts;
  const int* parents;
};

// Stiffness and mass on one symmetric pattern, rows sorted.
struct SpectralPair {
  int size;
  const int* starts;
  const int* columns;
  const double* stiffness;
  const double* mass;
  const double* diagonalMass;  // null where the mass is more than a diagonal
  const double* rowSums;
};

// Working memory of one factorisation.
struct SpectralScratch {
  double* stack;     // updates that wait for their parent
  double* front;     // columns of one supernode, column-major
  double* update;    // what it subtracts from its ancestors
  double* packed;    // operands of the dense products in tiles
  int* local;        // row of the matrix -> row of the front
  int* firstChild;   // one per supernode
  int* nextChild;
};

// What works on blocks of one width, 4 or 8: n x width numbers, row after row; `h` and `g` are width x width.
struct SpectralRowKernels {
  // x <- (L D L')^-1 x
  void (*solve)(const SpectralSymbolic&, const double* panels, const signed char* signs, double* x);
  void (*multiplyMass)(const SpectralPair&, const double* x, double* y, long begin, long end);
  // h[j] += Q_j' z over the rows [begin, end).
  void (*project)(long size, const double* basis, long count, const double* z, double* h, long begin, long end);
  // w += sign * sum of Q_j h[j] over the rows [begin, end).
  void (*add)(long size, const double* basis, long count, const double* h, double sign, double* w, long begin, long end);
  // w <- w g
  void (*scale)(double* w, const double* g, long begin, long end);
};

// Blocks are n x 4 numbers, row after row, where nothing else is said.
struct SpectralKernels {
  // Doubles that `packed` needs for fronts of at most `height` rows.
  long (*packedSize)(int height);
  // K - shift M = L D L'. Returns the largest pivot over the largest diagonal entry, infinity when a pivot was 0 or no
  // number.
  double (*factor)(const SpectralSymbolic&, const SpectralPair&, double shift, const SpectralScratch&, double* panels,
                   signed char* signs);
  SpectralRowKernels four, eight;
  // (L D L')^-1 of the two blocks at x; `work` has 8 size numbers.
  void (*solvePair)(const SpectralSymbolic&, const double* panels, const signed char* signs, double* x, double* work);
  void (*multiplyStiffness)(const SpectralPair&, const double* x, double* y, long begin, long end);
  // w[:, c] -= factors[c] z[:, c].
  void (*subtractColumns)(double* w, const double* factors, const double* z, long begin, long end);
  // out[c] += sum of a[:, c] b[:, c].
  void (*columnDots)(const double* a, const double* b, double* out, long begin, long end);
  // Columns that the two products below compute at a time, a multiple of 4.
  int (*manyWide)();
  // out (rows x manyWide) = the `count` blocks at q, `stride` numbers apart, times coefficients (4 count x manyWide).
  void (*manyProduct)(const double* q, long stride, long count, const double* coefficients, double* out, long rows);
  // h (4 count rows of ld numbers) += Q' Z over the rows [begin, end). Z: `wide` blocks of zSize rows, the first of which
  // is row `begin`. Rows of h have room for whole groups of manyWide columns.
  void (*gram)(long size, const double* basis, long count, const double* z, long zSize, long wide, double* h, long ld,
               long begin, long end);
  // Eigenpairs of a (n x n, destroyed), not sorted; row i of `turned` (n x width) belongs to values[i] and holds the last
  // `width` entries. `work` has 4 n numbers. Returns false when QL did not converge.
  bool (*smallEigen)(int n, double* a, int width, double* values, double* turned, double* work);
  // a x = lambda b x for n x n matrices: the upper triangle of b becomes U with U'U = b, a becomes U'^-1 a U^-1. Returns 1,
  // or the pivot that is not positive.
  double (*reducePencil)(int n, double* a, double* b);
  // x <- U^-1 x for the n rows x.
  void (*solveUpper)(int n, const double* u, double* rows);
};

}  // namespace neuroloom
