// Products of matrices and of vectors with blocks of vectors: one block with many, then many with many.
namespace neuroloom {
namespace NL_ISA {

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

// ---- many blocks with many ----

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

}  // namespace NL_ISA
}  // namespace neuroloom
