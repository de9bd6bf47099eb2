// K - shift M = L D L' by supernodes, in float64: dense fronts, their products in packed tiles, panels.
namespace neuroloom {
namespace NL_ISA {

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

}  // namespace NL_ISA
}  // namespace neuroloom
