// Fits of the FOOOF model: see fooof.h for the arrays.
#include "dispatch/kernels.h"
#include "fooof.h"
#include "napi_call.h"
#include "scratch.h"

namespace neuroloom {
namespace {

// Largest size whose products still fit; far above any spectrum.
constexpr std::size_t kMost = std::size_t{1} << 20;

std::size_t size(const Call& call, std::size_t index) {
  const std::size_t value = call.count(index);
  if (value > kMost) throw ArgumentError("a size is too large");
  return value;
}

// (bins, peaks, frequencies, resolution)
FooofPeaks peaksOf(const Call& call) {
  FooofPeaks p = {};
  p.bins = size(call, 0);
  p.peaks = size(call, 1);
  if (p.bins == 0) throw ArgumentError("there are no bins");
  p.frequencies = call.doubles(2, p.bins);
  p.resolution = call.number(3);
  return p;
}

// (bins, peaks, frequencies, resolution, target, lower, upper, tolerance, maxEvaluations, x, result, base, ln, log10):
// result receives (converged, cost, evaluations); ln and log10 only with a base
napi_value fooofFitPeaks(const Call& call) {
  FooofPeaks p = peaksOf(call);
  const std::size_t base = call.count(11);
  if (base > kFooofBend) throw ArgumentError("there is no such base");
  p.base = static_cast<FooofBase>(base);
  p.target = call.doubles(4, p.bins);
  p.lower = call.doubles(5, p.order());
  p.upper = call.doubles(6, p.order());
  p.tolerance = call.number(7);
  p.maxEvaluations = call.count(8);
  double* x = call.doubles(9, p.order());
  double* result = call.doubles(10, 3);
  if (p.base != kFooofNothing) {
    p.ln = call.doubles(12, p.bins);
    p.log10 = call.doubles(13, p.bins);
  }
  const FooofKernels& fooof = *kernels().fooof;
  const Scratch<double> scratch(fooof.peakScratch(p));
  const FooofFit fit = fooof.fitPeaks(p, x, scratch.get());
  result[0] = fit.converged ? 1 : 0;
  result[1] = fit.cost;
  result[2] = static_cast<double>(fit.evaluations);
  return call.undefined();
}

// (bins, peaks, frequencies, resolution, x, sum)
napi_value fooofAddPeaks(const Call& call) {
  const FooofPeaks p = peaksOf(call);
  const double* x = call.doubles(4, 3 * p.peaks);
  kernels().fooof->addPeaks(p, x, call.doubles(5, p.bins));
  return call.undefined();
}

// (bins, ln, values, tolerance, maxEvaluations, x) -> 1 where the fit ended by itself
napi_value fooofFitKnee(const Call& call) {
  FooofKnee p = {};
  p.bins = size(call, 0);
  if (p.bins == 0) throw ArgumentError("there are no bins");
  p.ln = call.doubles(1, p.bins);
  p.values = call.doubles(2, p.bins);
  p.tolerance = call.number(3);
  p.maxEvaluations = call.count(4);
  double* x = call.doubles(5, 3);
  const FooofKernels& fooof = *kernels().fooof;
  const Scratch<double> scratch(fooof.kneeScratch(p));
  return call.makeNumber(fooof.fitKnee(p, x, scratch.get()) ? 1 : 0);
}

// (bins, frequencies, resolution, step, narrowest, widest, minHeight, threshold, most, flat, found) -> candidates
napi_value fooofSearch(const Call& call) {
  FooofSearch s = {};
  s.bins = size(call, 0);
  if (s.bins == 0) throw ArgumentError("there are no bins");
  s.frequencies = call.doubles(1, s.bins);
  s.resolution = call.number(2);
  s.step = call.number(3);
  s.narrowest = call.number(4);
  s.widest = call.number(5);
  s.minHeight = call.number(6);
  s.threshold = call.number(7);
  s.most = size(call, 8);
  s.flat = call.doubles(9, s.bins);
  s.found = call.doubles(10, 3 * (s.most + 1));
  return call.makeNumber(static_cast<double>(kernels().fooof->search(s)));
}

}  // namespace

void registerFooof(napi_env env, napi_value exports) {
  defineFunction<fooofFitPeaks>(env, exports, "fooofFitPeaks");
  defineFunction<fooofAddPeaks>(env, exports, "fooofAddPeaks");
  defineFunction<fooofFitKnee>(env, exports, "fooofFitKnee");
  defineFunction<fooofSearch>(env, exports, "fooofSearch");
}

}  // namespace neuroloom
