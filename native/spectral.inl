// Kernels of the eigen-solver in float64: dense parts of the supernodal factor, its solves on four vectors at a time,
// and the products with blocks of four vectors.
namespace neuroloom {
namespace NL_ISA {

typedef double Four __attribute__((vector_size(32)));
typedef double UnalignedFour __attribute__((vector_size(32), aligned(8), may_alias));

NL_INLINE Four loadFour(const double* p) { return (Four) * (const UnalignedFour*)p; }
NL_INLINE void storeFour(double* p, Four v) { *(UnalignedFour*)p = (UnalignedFour)v; }
NL_INLINE Four broadcastFour(double value) { return value - (Four){}; }

// ---- dense products of the factor ----

// Tile of the product: kTileVecs vectors tall, kTileWide columns wide.
constexpr int kTileVecs = 3;
#if defined(NL_AVX512)
constexpr int kTileWide = 8;
#else
constexpr int kTileWide = 4;
#endif
constexpr int kTileTall = kTileVecs * kHalfLanes;
// Columns of the operand per round, and rows per stripe that stays in the cache.
constexpr int kDepth = 128;
constexpr int kStripe = 8 * kTileTall;
// Products smaller than this are not worth packing.
constexpr long kPackFrom = 6000;
// Columns eliminated one by one before the rest of the panel is updated.
constexpr int kPanelColumns = 32;

static long spectralPackedSize(int height) {
  const long wide = (height + kTileWide - 1) / kTileWide * kTileWide;
  return (wide + kStripe) * kDepth + kTileTall * kTileWide;
}

// c (column-major) -= a b' over packed operands.
NL_INLINE void spectralTile(int depth, const double* a, const double* b, double* c, long ldc) {
  WideVec sums[kTileWide][kTileVecs];
#pragma GCC unroll 8
  for (int j = 0; j < kTileWide; j++)
#pragma GCC unroll 3
    for (int i = 0; i < kTileVecs; i++) sums[j][i] = (WideVec){};
  for (int p = 0; p < depth; p++, a += kTileTall, b += kTileWide) {
    WideVec column[kTileVecs];
#pragma GCC unroll 3
    for (int i = 0; i < kTileVecs; i++) column[i] = loadDouble(a + i * kHalfLanes);
#pragma GCC unroll 8
    for (int j = 0; j < kTileWide; j++) {
      const WideVec factor = broadcastDouble(b[j]);
#pragma GCC unroll 3
      for (int i = 0; i < kTileVecs; i++) sums[j][i] += column[i] * factor;
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kTileWide; j++)
#pragma GCC unroll 3
    for (int i = 0; i < kTileVecs; i++) {
      double* p = c + j * ldc + i * kHalfLanes;
      storeDouble(p, loadDouble(p) - sums[j][i]);
    }
}

// C -= A D A' on the lower triangle of the first `wide` columns of C; a points to the row of A that is row 0 of C.
static void spectralRankUpdate(double* c, long ldc, const double* a, long lda, const signed char* signs, int depth,
                               int tall, int wide, double* packed) {
  if ((long)depth * tall * wide < kPackFrom || depth < 4) {
    for (int j = 0; j < wide; j++) {
      double* target = c + j * ldc;
      int p = 0;
      for (; p + 4 <= depth; p += 4) {
        const double *a0 = a + p * lda, *a1 = a0 + lda, *a2 = a1 + lda, *a3 = a2 + lda;
        const double b0 = signs[p] * a0[j], b1 = signs[p + 1] * a1[j];
        const double b2 = signs[p + 2] * a2[j], b3 = signs[p + 3] * a3[j];
        for (int i = j; i < tall; i++) target[i] -= a0[i] * b0 + a1[i] * b1 + a2[i] * b2 + a3[i] * b3;
      }
      for (; p < depth; p++) {
        const double* a0 = a + p * lda;
        const double b0 = signs[p] * a0[j];
        for (int i = j; i < tall; i++) target[i] -= a0[i] * b0;
      }
    }
    return;
  }
  const int columnTiles = (wide + kTileWide - 1) / kTileWide;
  double* right = packed;
  double* left = right + (long)columnTiles * kTileWide * kDepth;
  double* part = left + (long)kStripe * kDepth;
  for (int from = 0; from < depth; from += kDepth) {
    const int deep = depth - from < kDepth ? depth - from : kDepth;
    for (int t = 0; t < columnTiles; t++) {
      double* q = right + (long)t * kTileWide * deep;
      for (int p = 0; p < deep; p++)
        for (int j = 0; j < kTileWide; j++) {
          const int column = t * kTileWide + j;
          *q++ = column < wide ? signs[from + p] * a[(from + p) * lda + column] : 0.0;
        }
    }
    for (int first = 0; first < tall; first += kStripe) {
      const int rows = tall - first < kStripe ? tall - first : kStripe;
      const int rowTiles = (rows + kTileTall - 1) / kTileTall;
      for (int t = 0; t < rowTiles; t++) {
        double* q = left + (long)t * kTileTall * deep;
        const int count = rows - t * kTileTall < kTileTall ? rows - t * kTileTall : kTileTall;
        for (int p = 0; p < deep; p++, q += kTileTall) {
          const double* source = a + (from + p) * lda + first + t * kTileTall;
          for (int i = 0; i < kTileTall; i++) q[i] = i < count ? source[i] : 0.0;
        }
      }
      for (int t = 0; t < columnTiles; t++) {
        const int columns = wide - t * kTileWide < kTileWide ? wide - t * kTileWide : kTileWide;
        for (int r = 0; r < rowTiles; r++) {
          const int row = first + r * kTileTall;
          const int count = rows - r * kTileTall < kTileTall ? rows - r * kTileTall : kTileTall;
          if (row + count - 1 < t * kTileWide) continue;  // above the diagonal
          double* target = c + row + (long)t * kTileWide * ldc;
          const double* x = left + (long)r * kTileTall * deep;
          const double* y = right + (long)t * kTileWide * deep;
          if (count == kTileTall && columns == kTileWide) {
            spectralTile(deep, x, y, target, ldc);
            continue;
          }
          for (int i = 0; i < kTileTall * kTileWide; i++) part[i] = 0.0;
          spectralTile(deep, x, y, part, kTileTall);
          for (int j = 0; j < columns; j++)
            for (int i = 0; i < count; i++) target[i + j * ldc] += part[i + j * kTileTall];
        }
      }
    }
  }
}

// Factors the leading columns of a front in place.
static double spectralEliminate(double* front, int height, int columns, signed char* signs, double* packed) {
  double largest = 0;
  for (int k = 0; k < columns; k += kPanelColumns) {
    const int end = columns - k < kPanelColumns ? columns : k + kPanelColumns;
    for (int j = k; j < end; j++) {
      double* column = front + (long)j * height;
      const double pivot = column[j];
      const double size = pivot < 0 ? -pivot : pivot;
      if (!(size > 1e-300) || size > 1e300) return 0;
      if (size > largest) largest = size;
      const double sign = pivot > 0 ? 1.0 : -1.0;
      signs[j] = (signed char)sign;
      const double root = __builtin_sqrt(size);
      column[j] = root;
      const double factor = sign / root;
      for (int i = j + 1; i < height; i++) column[i] *= factor;
      for (int q = j + 1; q < end; q++) {
        const double b = column[q] * sign;
        double* target = front + (long)q * height;
        for (int i = q; i < height; i++) target[i] -= column[i] * b;
      }
    }
    if (end < columns) {
      spectralRankUpdate(front + end + (long)end * height, height, front + end + (long)k * height, height, signs + k,
                         end - k, height - end, columns - end, packed);
    }
  }
  return largest;
}

static double spectralFactor(const SpectralSymbolic& symbolic, const SpectralPair& pair, double shift,
                             const SpectralScratch& scratch, double* panels, signed char* signs) {
  int *firstChild = scratch.firstChild, *nextChild = scratch.nextChild, *local = scratch.local;
  const int count = symbolic.supernodes;
  for (int s = 0; s < count; s++) firstChild[s] = -1;
  for (int s = 0; s < count; s++) {
    const int parent = symbolic.parents[s];
    if (parent < 0) continue;
    nextChild[s] = firstChild[parent];
    firstChild[parent] = s;
  }
  double* front = scratch.front;
  double* update = scratch.update;
  double* top = scratch.stack;
  double largest = 0, diagonal = 0;
  for (int s = 0; s < count; s++) {
    const int from = symbolic.superStarts[s], columns = symbolic.superStarts[s + 1] - from;
    const int* rows = symbolic.rows + symbolic.rowStarts[s];
    const int height = symbolic.rowStarts[s + 1] - symbolic.rowStarts[s], below = height - columns;
    for (int i = 0; i < height; i++) local[rows[i]] = i;
    for (long i = 0; i < (long)height * columns; i++) front[i] = 0.0;
    for (long i = 0; i < (long)below * below; i++) update[i] = 0.0;
    for (int j = 0; j < columns; j++)
      for (int e = pair.starts[from + j]; e < pair.starts[from + j + 1]; e++) {
        const int i = pair.columns[e];
        if (i < from + j) continue;
        const double value = pair.stiffness[e] - shift * pair.mass[e];
        front[local[i] + (long)j * height] = value;
        if (i == from + j && __builtin_fabs(value) > diagonal) diagonal = __builtin_fabs(value);
      }
    for (int c = firstChild[s]; c >= 0; c = nextChild[c]) {
      const int own = symbolic.superStarts[c + 1] - symbolic.superStarts[c];
      const int* childRows = symbolic.rows + symbolic.rowStarts[c] + own;
      const int size = symbolic.rowStarts[c + 1] - symbolic.rowStarts[c] - own;
      top -= (long)size * size;
      for (int j = 0; j < size; j++) {
        const int column = local[childRows[j]];
        const double* source = top + (long)j * size;
        double* target = column < columns ? front + (long)column * height
                                          : update + (long)(column - columns) * below - columns;
        for (int i = j; i < size; i++) target[local[childRows[i]]] += source[i];
      }
    }
    const double pivot = spectralEliminate(front, height, columns, signs + from, scratch.packed);
    if (pivot == 0) return __builtin_inf();
    if (pivot > largest) largest = pivot;
    if (below > 0) {
      spectralRankUpdate(update, below, front + columns, height, signs + from, columns, below, below, scratch.packed);
      for (long i = 0; i < (long)below * below; i++) top[i] = update[i];
      top += (long)below * below;
    }
    double* panel = panels + (long)symbolic.panelStarts[s];
    for (int i = 0; i < height; i++)
      for (int j = 0; j < columns; j++) panel[(long)i * columns + j] = j <= i ? front[i + (long)j * height] : 0.0;
    for (int j = 0; j < columns; j++) panel[(long)j * columns + j] = 1.0 / panel[(long)j * columns + j];
  }
  return largest / diagonal;
}

// ---- solves ----

// Rows of right sides: four, or eight where several blocks are solved at once.
typedef double Eight __attribute__((vector_size(64)));
typedef double UnalignedEight __attribute__((vector_size(64), aligned(8), may_alias));

template <class Row>
struct RowMemory;
template <>
struct RowMemory<Four> {
  typedef UnalignedFour Unaligned;
};
template <>
struct RowMemory<Eight> {
  typedef UnalignedEight Unaligned;
};

template <class Row>
NL_INLINE Row loadRow(const double* p) {
  return (Row) * (const typename RowMemory<Row>::Unaligned*)p;
}
template <class Row>
NL_INLINE void storeRow(double* p, Row v) {
  *(typename RowMemory<Row>::Unaligned*)p = (typename RowMemory<Row>::Unaligned)v;
}
template <class Row>
NL_INLINE Row broadcastRow(double value) {
  return value - (Row){};
}
template <class Row>
constexpr long kRowWidth = sizeof(Row) / sizeof(double);

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

// ---- products with blocks ----

template <class Row>
static void spectralMultiplyMass(const SpectralPair& pair, const double* x, double* y, long begin, long end) {
  constexpr long kWidth = kRowWidth<Row>;
  for (long i = begin; i < end; i++) {
    if (pair.diagonalMass != nullptr) {
      storeRow<Row>(y + kWidth * i, loadRow<Row>(x + kWidth * i) * pair.diagonalMass[i]);
      continue;
    }
    Row sum = {};
    for (int e = pair.starts[i]; e < pair.starts[i + 1]; e++)
      sum += broadcastRow<Row>(pair.mass[e]) * loadRow<Row>(x + kWidth * pair.columns[e]);
    storeRow<Row>(y + kWidth * i, sum);
  }
}

static void spectralMultiplyStiffness(const SpectralPair& pair, const double* x, double* y, long begin, long end) {
  for (long i = begin; i < end; i++) {
    const Four own = loadFour(x + 4 * i);
    Four sum = own * pair.rowSums[i];
    for (int e = pair.starts[i]; e < pair.starts[i + 1]; e++)
      sum += broadcastFour(pair.stiffness[e]) * (loadFour(x + 4L * pair.columns[e]) - own);
    storeFour(y + 4 * i, sum);
  }
}

constexpr long kSpectralChunk = 256;

// Basis blocks are taken in strips of four columns: one of a block of four, two of a block of eight.
template <class Row>
constexpr long kStrips = kRowWidth<Row> / 4;

// Column 0 of strip t in the first of the rows that stand at `basis`.
template <class Row>
NL_INLINE const double* spectralStrip(const double* basis, long size, long t) {
  return basis + kRowWidth<Row> * size * (t / kStrips<Row>) + 4 * (t % kStrips<Row>);
}

// Strips at a time, as registers allow.
#if defined(NL_AVX512)
template <class Row>
constexpr int kDotStrips = 2 * kStrips<Row>;
template <class Row>
constexpr int kAddStrips = 4;
#else
template <class Row>
constexpr int kDotStrips = 2 / kStrips<Row>;
template <class Row>
constexpr int kAddStrips = 2 / kStrips<Row>;
#endif

template <class Row, int kCount>
NL_INLINE void spectralDotTile(const double* basis, long size, long t, const double* z, long rows, double* h) {
  constexpr long kWidth = kRowWidth<Row>;
  const double* q[kCount];
  Row sums[kCount][4];
#pragma GCC unroll 4
  for (int s = 0; s < kCount; s++) {
    q[s] = spectralStrip<Row>(basis, size, t + s);
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) sums[s][c] = loadRow<Row>(h + kWidth * (4 * (t + s) + c));
  }
  for (long i = 0; i < rows; i++) {
    const Row value = loadRow<Row>(z + kWidth * i);
#pragma GCC unroll 4
    for (int s = 0; s < kCount; s++)
#pragma GCC unroll 4
      for (int c = 0; c < 4; c++) sums[s][c] += broadcastRow<Row>(q[s][kWidth * i + c]) * value;
  }
#pragma GCC unroll 4
  for (int s = 0; s < kCount; s++)
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) storeRow<Row>(h + kWidth * (4 * (t + s) + c), sums[s][c]);
}

template <class Row>
static void spectralProject(long size, const double* basis, long count, const double* z, double* h, long begin,
                            long end) {
  constexpr int kCount = kDotStrips<Row>;
  for (long first = begin; first < end; first += kSpectralChunk) {
    const long rows = end - first < kSpectralChunk ? end - first : kSpectralChunk;
    const double *q = basis + kRowWidth<Row> * first, *own = z + kRowWidth<Row> * first;
    long t = 0;
    for (; t + kCount <= count * kStrips<Row>; t += kCount) spectralDotTile<Row, kCount>(q, size, t, own, rows, h);
    for (; t < count * kStrips<Row>; t++) spectralDotTile<Row, 1>(q, size, t, own, rows, h);
  }
}

template <class Row, int kCount>
NL_INLINE void spectralAddTile(const double* basis, long size, long t, const double* h, Row sign, double* w, long rows) {
  constexpr long kWidth = kRowWidth<Row>;
  const double* q[kCount];
  Row factors[kCount][4];
#pragma GCC unroll 4
  for (int s = 0; s < kCount; s++) {
    q[s] = spectralStrip<Row>(basis, size, t + s);
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) factors[s][c] = sign * loadRow<Row>(h + kWidth * (4 * (t + s) + c));
  }
  for (long i = 0; i < rows; i++) {
    Row first = loadRow<Row>(w + kWidth * i), second = {};
#pragma GCC unroll 4
    for (int s = 0; s < kCount; s++) {
      const double* row = q[s] + kWidth * i;
      first += broadcastRow<Row>(row[0]) * factors[s][0];
      second += broadcastRow<Row>(row[1]) * factors[s][1];
      first += broadcastRow<Row>(row[2]) * factors[s][2];
      second += broadcastRow<Row>(row[3]) * factors[s][3];
    }
    storeRow<Row>(w + kWidth * i, first + second);
  }
}

template <class Row>
static void spectralAdd(long size, const double* basis, long count, const double* h, double sign, double* w, long begin,
                        long end) {
  constexpr int kCount = kAddStrips<Row>;
  const Row factor = broadcastRow<Row>(sign);
  for (long first = begin; first < end; first += kSpectralChunk) {
    const long rows = end - first < kSpectralChunk ? end - first : kSpectralChunk;
    const double* q = basis + kRowWidth<Row> * first;
    double* own = w + kRowWidth<Row> * first;
    long t = 0;
    for (; t + kCount <= count * kStrips<Row>; t += kCount) spectralAddTile<Row, kCount>(q, size, t, h, factor, own, rows);
    for (; t < count * kStrips<Row>; t++) spectralAddTile<Row, 1>(q, size, t, h, factor, own, rows);
  }
}

template <class Row>
static void spectralScale(double* w, const double* g, long begin, long end) {
  constexpr long kWidth = kRowWidth<Row>;
  Row factors[kWidth];
#pragma GCC unroll 8
  for (long c = 0; c < kWidth; c++) factors[c] = loadRow<Row>(g + kWidth * c);
  for (long i = begin; i < end; i++) {
    const double* row = w + kWidth * i;
    Row first = {}, second = {};
#pragma GCC unroll 8
    for (long c = 0; c < kWidth; c += 2) {
      first += broadcastRow<Row>(row[c]) * factors[c];
      second += broadcastRow<Row>(row[c + 1]) * factors[c + 1];
    }
    storeRow<Row>(w + kWidth * i, first + second);
  }
}

template <class Row>
constexpr SpectralRowKernels kSpectralRowKernels = {spectralSolveRows<Row>, spectralMultiplyMass<Row>, spectralProject<Row>,
                                                    spectralAdd<Row>, spectralScale<Row>};

static void spectralSubtractColumns(double* w, const double* factors, const double* z, long begin, long end) {
  const Four factor = loadFour(factors);
  for (long i = begin; i < end; i++) storeFour(w + 4 * i, loadFour(w + 4 * i) - factor * loadFour(z + 4 * i));
}

static void spectralColumnDots(const double* a, const double* b, double* out, long begin, long end) {
  Four total = loadFour(out);
  // Chunks keep the rounding of long sums small.
  for (long first = begin; first < end; first += kSpectralChunk) {
    const long last = end - first < kSpectralChunk ? end : first + kSpectralChunk;
    Four even = {}, odd = {};
    long i = first;
    for (; i + 2 <= last; i += 2) {
      even += loadFour(a + 4 * i) * loadFour(b + 4 * i);
      odd += loadFour(a + 4 * i + 4) * loadFour(b + 4 * i + 4);
    }
    for (; i < last; i++) even += loadFour(a + 4 * i) * loadFour(b + 4 * i);
    total += even + odd;
  }
  storeFour(out, total);
}

// ---- products of many blocks with many ----

// Columns of the result per tile, and rows of it that stay in registers.
constexpr int kManyVecs = 2;
constexpr int kManyWide = kManyVecs * kHalfLanes;
#if defined(NL_AVX512)
constexpr int kManyTall = 12;
#else
constexpr int kManyTall = 6;
#endif
// Rows of the basis per round of the inner products.
constexpr long kManyRows = 128;

static int spectralManyWide() { return kManyWide; }

// out rows (n x kManyWide, row after row) = rows of q (row r at q + 4 r, blocks `stride` apart) times coefficients
// (4 count x kManyWide).
template <int kRows>
NL_INLINE void spectralManyTile(const double* q, long stride, long count, const double* coefficients, double* out) {
  WideVec sums[kRows][kManyVecs];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < kManyVecs; v++) sums[r][v] = (WideVec){};
  for (long j = 0; j < count; j++, q += stride) {
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++, coefficients += kManyWide) {
      WideVec row[kManyVecs];
#pragma GCC unroll 2
      for (int v = 0; v < kManyVecs; v++) row[v] = loadDouble(coefficients + v * kHalfLanes);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; r++) {
        const WideVec value = broadcastDouble(q[4 * r + c]);
#pragma GCC unroll 2
        for (int v = 0; v < kManyVecs; v++) sums[r][v] += value * row[v];
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < kManyVecs; v++) storeDouble(out + r * kManyWide + v * kHalfLanes, sums[r][v]);
}

static void spectralManyProduct(const double* q, long stride, long count, const double* coefficients, double* out,
                                long rows) {
  long i = 0;
  for (; i + kManyTall <= rows; i += kManyTall)
    spectralManyTile<kManyTall>(q + 4 * i, stride, count, coefficients, out + i * kManyWide);
  for (; i < rows; i++) spectralManyTile<1>(q + 4 * i, stride, count, coefficients, out + i * kManyWide);
}

// h (4 kBlocks rows, leading dimension ld) += Q' z over `rows` rows; z has kManyWide columns, row after row.
template <int kBlocks>
NL_INLINE void spectralGramTile(const double* q, long stride, const double* z, long rows, double* h, long ld) {
  WideVec sums[4 * kBlocks][kManyVecs];
#pragma GCC unroll 8
  for (int a = 0; a < 4 * kBlocks; a++)
#pragma GCC unroll 2
    for (int v = 0; v < kManyVecs; v++) sums[a][v] = (WideVec){};
  for (long i = 0; i < rows; i++, z += kManyWide) {
    WideVec row[kManyVecs];
#pragma GCC unroll 2
    for (int v = 0; v < kManyVecs; v++) row[v] = loadDouble(z + v * kHalfLanes);
#pragma GCC unroll 8
    for (int a = 0; a < 4 * kBlocks; a++) {
      const WideVec value = broadcastDouble(q[(a / 4) * stride + 4 * i + a % 4]);
#pragma GCC unroll 2
      for (int v = 0; v < kManyVecs; v++) sums[a][v] += value * row[v];
    }
  }
#pragma GCC unroll 8
  for (int a = 0; a < 4 * kBlocks; a++)
#pragma GCC unroll 2
    for (int v = 0; v < kManyVecs; v++) {
      double* p = h + a * ld + v * kHalfLanes;
      storeDouble(p, loadDouble(p) + sums[a][v]);
    }
}

#if defined(NL_AVX512)
constexpr int kGramBlocks = 2;
#else
constexpr int kGramBlocks = 1;
#endif

// h (4 count rows of ld numbers) += Q' Z over the rows [begin, end), Z the `wide` blocks at z; of the columns of h only
// those of Z are touched, and up to kManyWide more behind them.
static void spectralGram(long size, const double* basis, long count, const double* z, long zSize, long wide, double* h,
                         long ld, long begin, long end) {
  double packed[kManyRows * kManyWide];
  constexpr long kTileBlocks = kManyWide / 4;
  for (long first = begin; first < end; first += kManyRows) {
    const long rows = end - first < kManyRows ? end - first : kManyRows;
    for (long b = 0; b < wide; b += kTileBlocks) {
      for (long t = 0; t < kTileBlocks; t++) {
        const double* source = z + 4 * ((b + t) * zSize + first - begin);
        for (long i = 0; i < rows; i++)
          storeFour(packed + i * kManyWide + 4 * t, b + t < wide ? loadFour(source + 4 * i) : (Four){});
      }
      long j = 0;
      for (; j + kGramBlocks <= count; j += kGramBlocks)
        spectralGramTile<kGramBlocks>(basis + 4 * (j * size + first), 4 * size, packed, rows, h + 4 * j * ld + 4 * b, ld);
      for (; j < count; j++)
        spectralGramTile<1>(basis + 4 * (j * size + first), 4 * size, packed, rows, h + 4 * j * ld + 4 * b, ld);
    }
  }
}

// ---- small dense eigenproblems ----

NL_INLINE double spectralDot(const double* a, const double* b, int n) {
  WideVec first = {}, second = {};
  int i = 0;
  for (; i + 2 * kHalfLanes <= n; i += 2 * kHalfLanes) {
    first += loadDouble(a + i) * loadDouble(b + i);
    second += loadDouble(a + i + kHalfLanes) * loadDouble(b + i + kHalfLanes);
  }
  double sum = sumLanes(first + second);
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

NL_INLINE void spectralReflect(const double* v, double factor, double* x, int n) {
  if (factor == 0) return;
  const double sum = factor * spectralDot(x, v, n);
  for (int k = 0; k < n; k++) x[k] -= sum * v[k];
}

// Householder reduction to tridiagonal form, QL with implicit shifts: src/numerics/spectral/small-eigen.ts.
static bool spectralSmallEigen(int n, double* a, int width, double* d, double* turned, double* work) {
  double *off = work, *factors = work + n, *p = work + 2 * n, *e = work + 3 * n;
  for (int i = 0; i < n; i++) factors[i] = off[i] = 0;
  for (int i = n - 1; i >= 1; i--) {
    double* v = a + (long)i * n;
    d[i] = v[i];
    const double tail = spectralDot(v, v, i - 1), last = v[i - 1];
    off[i] = last;
    if (tail == 0) continue;
    const double norm = __builtin_sqrt(tail + last * last);
    const double beta = last > 0 ? -norm : norm;
    off[i] = beta;
    const double factor = factors[i] = (beta - last) / beta;
    const double scale = 1 / (last - beta);
    for (int k = 0; k < i - 1; k++) v[k] *= scale;
    v[i - 1] = 1;
    for (int r = 0; r < i; r++) p[r] = factor * spectralDot(a + (long)r * n, v, i);
    const double overlap = factor / 2 * spectralDot(p, v, i);
    for (int k = 0; k < i; k++) p[k] -= overlap * v[k];
    for (int r = 0; r < i; r++) {
      double* row = a + (long)r * n;
      const double x = v[r], y = p[r];
      for (int k = 0; k < i; k++) row[k] -= x * p[k] + y * v[k];
    }
  }
  if (n > 0) d[0] = a[0];
  const bool isFull = width == n;
  for (long i = 0; i < (long)n * width; i++) turned[i] = 0;
  if (isFull) {
    for (int i = 0; i < n; i++) turned[(long)i * n + i] = 1;
  } else {
    for (int r = 0; r < width; r++) {
      for (int i = 0; i < n; i++) p[i] = i == n - width + r ? 1.0 : 0.0;
      for (int i = n - 1; i >= 1; i--) spectralReflect(a + (long)i * n, factors[i], p, i);
      for (int j = 0; j < n; j++) turned[(long)j * width + r] = p[j];
    }
  }
  for (int i = 1; i < n; i++) e[i - 1] = off[i];
  if (n > 0) e[n - 1] = 0;
  for (int l = 0; l < n; l++) {
    for (int round = 0;; round++) {
      int m = l;
      for (; m < n - 1; m++)
        if (__builtin_fabs(e[m]) <= 0x1p-53 * (__builtin_fabs(d[m]) + __builtin_fabs(d[m + 1]))) break;
      if (m == l) break;
      if (round == 100) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = __builtin_sqrt(g * g + 1);
      g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
      double s = 1, c = 1, shift = 0;
      int i = m - 1;
      for (; i >= l; i--) {
        const double f = s * e[i], b = c * e[i];
        r = __builtin_sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= shift;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - shift;
        r = (d[i] - g) * s + 2 * c * b;
        shift = s * r;
        d[i + 1] = g + shift;
        g = c * r - b;
        double* upper = turned + (long)i * width;
        double* lower = upper + width;
        for (int k = 0; k < width; k++) {
          const double x = upper[k], y = lower[k];
          lower[k] = s * x + c * y;
          upper[k] = c * x - s * y;
        }
      }
      if (r == 0 && i >= l) continue;
      d[l] -= shift;
      e[l] = g;
      e[m] = 0;
    }
  }
  if (isFull) {
    for (int j = 0; j < n; j++)
      for (int i = 1; i < n; i++) spectralReflect(a + (long)i * n, factors[i], turned + (long)j * n, i);
  }
  return true;
}

NL_INLINE void spectralSubtractRow(double* target, double factor, const double* row, int n) {
  for (int k = 0; k < n; k++) target[k] -= factor * row[k];
}

// The upper triangle of b becomes U with U'U = b; a <- U'^-1 a U^-1. Returns the pivot that is not positive, else 1.
static double spectralReducePencil(int n, double* a, double* b) {
  for (int j = 0; j < n; j++) {
    double* row = b + (long)j * n;
    const double pivot = row[j];
    if (!(pivot > 0)) return pivot;
    const double root = __builtin_sqrt(pivot);
    for (int k = j; k < n; k++) row[k] /= root;
    for (int i = j + 1; i < n; i++) spectralSubtractRow(b + (long)i * n + i, row[i], row + i, n - i);
  }
  // a <- U'^-1 a, row by row, then the same from the other side on the transposed result.
  for (int side = 0; side < 2; side++) {
    for (int k = 0; k < n; k++) {
      const double* factors = b + (long)k * n;
      double* row = a + (long)k * n;
      const double reciprocal = 1 / factors[k];
      for (int j = 0; j < n; j++) row[j] *= reciprocal;
      for (int i = k + 1; i < n; i++) spectralSubtractRow(a + (long)i * n, factors[i], row, n);
    }
    for (int i = 0; i < n; i++)
      for (int j = 0; j < i; j++) {
        const double held = a[(long)i * n + j];
        a[(long)i * n + j] = a[(long)j * n + i];
        a[(long)j * n + i] = held;
      }
  }
  return 1;
}

// x <- U^-1 x for the n rows x.
static void spectralSolveUpper(int n, const double* u, double* rows) {
  for (int v = 0; v < n; v++) {
    double* x = rows + (long)v * n;
    for (int i = n - 1; i >= 0; i--) {
      const double* row = u + (long)i * n;
      x[i] = (x[i] - spectralDot(row + i + 1, x + i + 1, n - 1 - i)) / row[i];
    }
  }
}

static const SpectralKernels kSpectralKernels = {
    spectralPackedSize,        spectralFactor,          kSpectralRowKernels<Four>, kSpectralRowKernels<Eight>,
    spectralSolvePair,         spectralMultiplyStiffness, spectralSubtractColumns, spectralColumnDots,
    spectralManyWide,          spectralManyProduct,     spectralGram,              spectralSmallEigen,
    spectralReducePencil,      spectralSolveUpper};

}  // namespace NL_ISA
}  // namespace neuroloom
