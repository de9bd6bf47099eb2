// Operations on displacement and velocity fields: (x, y, z, 3), z before y before x. One item of a batch each.
#pragma once
#include <stddef.h>

namespace neuroloom {

struct FieldShape {
  size_t x, y, z, c;
};

struct FieldKernels {
  // Sums of squared forward differences along x, y, z that start in planes [begin, end).
  void (*smoothness)(const FieldShape& s, const float* v, size_t begin, size_t end, double* sums);
  // dv of planes [begin, end). factors: derivative of the result by half of each of the three sums.
  void (*smoothnessBackward)(const FieldShape& s, const float* v, const float* factors, float* dv, size_t begin,
                             size_t end);
  // Sum of max(0, margin - det J)^2 over the cells that start in planes [begin, end); the last plane has none.
  double (*jacobianHinge)(const FieldShape& s, const float* u, float margin, size_t begin, size_t end);
  void (*jacobianHingeBackward)(const FieldShape& s, const float* u, float margin, float factor, float* du,
                                size_t begin, size_t end);
  // From half to full resolution, cell-centred, clamped, times 2. Sizes are those of the half grid; rows
  // [begin, end) of the full grid: row = x * 2Y + y. scratch: 3 * (z + 2) floats and a vector.
  void (*upsample)(const FieldShape& half, const float* u, float* out, float* scratch, size_t begin, size_t end);
  // Rows [begin, end) of the half grid. scratch: 3 * (2z + 2) floats and a vector.
  void (*upsampleBackward)(const FieldShape& half, const float* dout, float* du, float* scratch, size_t begin,
                           size_t end);
};

}  // namespace neuroloom
