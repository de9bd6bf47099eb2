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

struct ProductArgs {
  const double* left;   // rows of `rank`
  const double* right;  // at the first column of the tile
  double* out;          // likewise
  size_t rank, columns;
};

template <int R>
static void productTile(const ProductArgs& a, size_t row) {
  const double* left = a.left + row * a.rank;
  WideVec sum[R][kProductVectors] = {};
  for (size_t k = 0; k < a.rank; k++) {
    const double* right = a.right + k * a.columns;
#pragma GCC unroll 4
    for (int v = 0; v < kProductVectors; v++) {
      const WideVec column = (WideVec) * (const UnalignedWideVec*)(right + v * kHalfLanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) sum[r][v] += broadcastDouble(left[(size_t)r * a.rank + k]) * column;
    }
  }
  for (int r = 0; r < R; r++) {
    double* out = a.out + (row + (size_t)r) * a.columns;
    for (int v = 0; v < kProductVectors; v++) *(UnalignedWideVec*)(out + v * kHalfLanes) = (UnalignedWideVec)sum[r][v];
  }
}

static void prfProducts(const double* left, const double* right, double* out, size_t rank, size_t columns, size_t begin,
                        size_t end) {
  size_t column = 0;
  for (; column + kProductColumns <= columns; column += kProductColumns) {
    const ProductArgs a = {left, right + column, out + column, rank, columns};
    size_t row = begin;
    for (; row + kProductRows <= end; row += kProductRows) productTile<kProductRows>(a, row);
    for (; row < end; row++) productTile<1>(a, row);
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
