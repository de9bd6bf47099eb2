// Triangular solves with the panels of spectral_factor.inl, on four or eight vectors at a time.
namespace neuroloom {
namespace NL_ISA {

// Rows r of x at `to` -= panel rows (leading dimension ld, `width` columns) times x1.
template <class Row, int kRows>
NL_INLINE void spectralForwardTile(const double* panel, long ld, int width, const double* x1, double* const* to) {
  Row sums[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++) sums[r] = loadRow<Row>(to[r]);
  for (int c = 0; c < width; c++) {
    const Row x = loadRow<Row>(x1 + kRowWidth<Row> * c);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; r++) sums[r] -= broadcastRow<Row>(panel[r * ld + c]) * x;
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++) storeRow<Row>(to[r], sums[r]);
}

template <class Row>
NL_INLINE void spectralForwardRows(const double* panel, long ld, int width, const double* x1, const int* rows,
                                   int count, double* x) {
  int i = 0;
  double* to[8];
  for (; i + 8 <= count; i += 8) {
    for (int r = 0; r < 8; r++) to[r] = x + kRowWidth<Row> * rows[i + r];
    spectralForwardTile<Row, 8>(panel + i * ld, ld, width, x1, to);
  }
  for (; i + 2 <= count; i += 2) {
    for (int r = 0; r < 2; r++) to[r] = x + kRowWidth<Row> * rows[i + r];
    spectralForwardTile<Row, 2>(panel + i * ld, ld, width, x1, to);
  }
  for (; i < count; i++) {
    to[0] = x + kRowWidth<Row> * rows[i];
    spectralForwardTile<Row, 1>(panel + i * ld, ld, width, x1, to);
  }
}

template <class Row>
NL_INLINE void spectralForward(const SpectralSymbolic& symbolic, const double* panels, const signed char* signs, int s,
                               double* x) {
  constexpr long kWidth = kRowWidth<Row>;
  const int from = symbolic.superStarts[s], columns = symbolic.superStarts[s + 1] - from;
  const int* rows = symbolic.rows + symbolic.rowStarts[s];
  const int height = symbolic.rowStarts[s + 1] - symbolic.rowStarts[s];
  const double* panel = panels + (long)symbolic.panelStarts[s];
  double* x1 = x + kWidth * from;
  for (int k = 0; k < columns; k += 8) {
    const int end = columns - k < 8 ? columns : k + 8;
    for (int j = k; j < end; j++) {
      const double* row = panel + (long)j * columns;
      Row sum = loadRow<Row>(x1 + kWidth * j);
      for (int c = k; c < j; c++) sum -= broadcastRow<Row>(row[c]) * loadRow<Row>(x1 + kWidth * c);
      storeRow<Row>(x1 + kWidth * j, sum * row[j]);
    }
    if (end < columns) {
      spectralForwardRows<Row>(panel + (long)end * columns + k, columns, end - k, x1 + kWidth * k, rows + end,
                               columns - end, x);
    }
  }
  spectralForwardRows<Row>(panel + (long)columns * columns, columns, columns, x1, rows + columns, height - columns, x);
  for (int j = 0; j < columns; j++)
    if (signs[from + j] < 0) storeRow<Row>(x1 + kWidth * j, -loadRow<Row>(x1 + kWidth * j));
}

template <class Row, int kColumns>
NL_INLINE void spectralBackwardTile(const double* panel, long ld, const int* rows, int first, int height,
                                    const double* x, double* to) {
  constexpr long kWidth = kRowWidth<Row>;
  Row sums[kColumns];
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; c++) sums[c] = loadRow<Row>(to + kWidth * c);
  for (int i = first; i < height; i++) {
    const Row value = loadRow<Row>(x + kWidth * rows[i]);
    const double* row = panel + i * ld;
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; c++) sums[c] -= broadcastRow<Row>(row[c]) * value;
  }
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; c++) storeRow<Row>(to + kWidth * c, sums[c]);
}

// The columns at x1 -= kRows rows of a panel, transposed, times the rows of x that they stand for. The panel is read once,
// front to back, however many columns it has.
template <class Row, int kRows>
NL_INLINE void spectralBackwardRows(const double* panel, long columns, const int* rows, const double* x, double* x1) {
  constexpr long kWidth = kRowWidth<Row>;
  Row values[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++) values[r] = loadRow<Row>(x + kWidth * rows[r]);
  for (long c = 0; c < columns; c++) {
    Row even = loadRow<Row>(x1 + kWidth * c), odd = {};
#pragma GCC unroll 8
    for (int r = 0; r < kRows; r++) {
      const Row product = broadcastRow<Row>(panel[r * columns + c]) * values[r];
      if (r % 2 == 0) even -= product;
      else odd -= product;
    }
    storeRow<Row>(x1 + kWidth * c, even + odd);
  }
}

// Columns up to which the sums of all columns stay in registers while the rows pass by.
constexpr int kBackwardColumns = 8;

template <class Row>
NL_INLINE void spectralBackward(const SpectralSymbolic& symbolic, const double* panels, int s, double* x) {
  constexpr long kWidth = kRowWidth<Row>;
  const int from = symbolic.superStarts[s], columns = symbolic.superStarts[s + 1] - from;
  const int* rows = symbolic.rows + symbolic.rowStarts[s];
  int height = symbolic.rowStarts[s + 1] - symbolic.rowStarts[s];
  const double* panel = panels + (long)symbolic.panelStarts[s];
  double* x1 = x + kWidth * from;
  if (columns > kBackwardColumns) {
    int i = columns;
    for (; i + 8 <= height; i += 8) spectralBackwardRows<Row, 8>(panel + (long)i * columns, columns, rows + i, x, x1);
    for (; i + 2 <= height; i += 2) spectralBackwardRows<Row, 2>(panel + (long)i * columns, columns, rows + i, x, x1);
    for (; i < height; i++) spectralBackwardRows<Row, 1>(panel + (long)i * columns, columns, rows + i, x, x1);
    height = columns;
  }
  for (int end = columns; end > 0;) {
    const int wide = end >= 8 ? 8 : end >= 4 ? 4 : end >= 2 ? 2 : 1;
    const int k = end - wide;
    double* to = x1 + kWidth * k;
    if (wide == 8) spectralBackwardTile<Row, 8>(panel + k, columns, rows, end, height, x, to);
    if (wide == 4) spectralBackwardTile<Row, 4>(panel + k, columns, rows, end, height, x, to);
    if (wide == 2) spectralBackwardTile<Row, 2>(panel + k, columns, rows, end, height, x, to);
    if (wide == 1) spectralBackwardTile<Row, 1>(panel + k, columns, rows, end, height, x, to);
    for (int j = end - 1; j >= k; j--) {
      Row sum = loadRow<Row>(x1 + kWidth * j);
      for (int i = j + 1; i < end; i++)
        sum -= broadcastRow<Row>(panel[(long)i * columns + j]) * loadRow<Row>(x1 + kWidth * i);
      storeRow<Row>(x1 + kWidth * j, sum * panel[(long)j * columns + j]);
    }
    end = k;
  }
}

template <class Row>
static void spectralSolveRows(const SpectralSymbolic& symbolic, const double* panels, const signed char* signs,
                              double* x) {
  for (int s = 0; s < symbolic.supernodes; s++) spectralForward<Row>(symbolic, panels, signs, s, x);
  for (int s = symbolic.supernodes - 1; s >= 0; s--) spectralBackward<Row>(symbolic, panels, s, x);
}

// Two blocks in one pass over the factor.
static void spectralSolvePair(const SpectralSymbolic& symbolic, const double* panels, const signed char* signs, double* x,
                              double* work) {
  const long size = symbolic.size;
  double* second = x + 4 * size;
  for (long i = 0; i < size; i++) {
    storeFour(work + 8 * i, loadFour(x + 4 * i));
    storeFour(work + 8 * i + 4, loadFour(second + 4 * i));
  }
  spectralSolveRows<Eight>(symbolic, panels, signs, work);
  for (long i = 0; i < size; i++) {
    storeFour(x + 4 * i, loadFour(work + 8 * i));
    storeFour(second + 4 * i, loadFour(work + 8 * i + 4));
  }
}

}  // namespace NL_ISA
}  // namespace neuroloom
