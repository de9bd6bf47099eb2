// The double-gamma HRF at multiples of the repetition time, of unit sum, with its derivatives: the twin of exactKernel and
// exactKernelDerivatives in src/numerics/encoding/hrf.ts.
#pragma once
#include <cstddef>
#include <vector>

namespace neuroloom {

class DoubleGamma {
 public:
  DoubleGamma(double tr, double onset, double undershoot, double uDispersion, double ratio, std::size_t taps);

  // out: (3, taps): the kernel, and its derivatives by delay and dispersion.
  void kernels(double delay, double dispersion, double* out) const;

 private:
  std::vector<double> times_, logTimes_, undershoot_;
};

}  // namespace neuroloom
