#pragma once

namespace neuroloom {

// The rate that a kernel could reach if it did nothing but fused multiply-adds: the yardstick of the benchmark.
struct PeakKernels {
  double operationsPerRound;  // floating point operations of one round
  void (*multiplyAdd)(long rounds, float* sink);  // sink: one vector
};

}  // namespace neuroloom
