// Scores of many voxels: a product of two dense matrices of doubles. Every number is summed in the order of the rank, so
// that it depends neither on its place nor on the rows beside it.
namespace neuroloom {
namespace NL_ISA {

#if NL_LANES == 16 || defined(__aarch64__)
constexpr int kProductVectors = 4;
#else
constexpr int kProductVectors = 2;
#endif
constexpr int kProductRows = 4;
constexpr size_t kProductColumns = kProductVectors * kHalfLanes;

// Ranks whose part of a tile's columns is copied together: the columns of a wide matrix lie on a page each.
constexpr size_t kProductRanks = 128;

struct ProductArgs {
  const double* left;   // rows of `rank`, at the first rank of the part
  const double* panel;  // (ranks, kProductColumns)
  double* out;          // at the first column of the tile
  size_t rank, columns, ranks;
  bool isFirst;  // else the sums so far stand in out
};

template <int R>
static void productTile(const ProductArgs& a, size_t row) {
  const double* left = a.left + row * a.rank;
  WideVec sum[R][kProductVectors] = {};
  for (int r = 0; r < R && !a.isFirst; r++) {
    for (int v = 0; v < kProductVectors; v++) sum[r][v] = loadDouble(a.out + (row + (size_t)r) * a.columns + v * kHalfLanes);
  }
  for (size_t k = 0; k < a.ranks; k++) {
    const double* right = a.panel + k * kProductColumns;
#pragma GCC unroll 4
    for (int v = 0; v < kProductVectors; v++) {
      const WideVec column = loadDouble(right + v * kHalfLanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) sum[r][v] += broadcastDouble(left[(size_t)r * a.rank + k]) * column;
    }
  }
  for (int r = 0; r < R; r++) {
    double* out = a.out + (row + (size_t)r) * a.columns;
    for (int v = 0; v < kProductVectors; v++) storeDouble(out + v * kHalfLanes, sum[r][v]);
  }
}

static void prfProducts(const double* left, const double* right, double* out, size_t rank, size_t columns, size_t begin,
                        size_t end) {
  double panel[kProductRanks * kProductColumns];
  size_t column = 0;
  for (; column + kProductColumns <= columns; column += kProductColumns) {
    for (size_t from = 0; from < rank || from == 0; from += kProductRanks) {
      const size_t ranks = rank - from < kProductRanks ? rank - from : kProductRanks;
      for (size_t k = 0; k < ranks; k++) {
        const double* source = right + (from + k) * columns + column;
        for (int v = 0; v < kProductVectors; v++) {
          storeDouble(panel + k * kProductColumns + v * kHalfLanes, loadDouble(source + v * kHalfLanes));
        }
      }
      const ProductArgs a = {left + from, panel, out + column, rank, columns, ranks, from == 0};
      size_t row = begin;
      for (; row + kProductRows <= end; row += kProductRows) productTile<kProductRows>(a, row);
      for (; row < end; row++) productTile<1>(a, row);
    }
  }
  for (size_t row = begin; row < end; row++) {
    for (size_t c = column; c < columns; c++) {
      double sum = 0;
      for (size_t k = 0; k < rank; k++) sum += left[row * rank + k] * right[k * columns + c];
      out[row * columns + c] = sum;
    }
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
