// Small dense eigenproblems of the eigen-solver, in float64.
namespace neuroloom {
namespace NL_ISA {

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

}  // namespace NL_ISA
}  // namespace neuroloom
