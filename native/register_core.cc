// Threads, choice of the instruction set, and the peak loop of the benchmark.
#include <chrono>
#include <initializer_list>
#include <vector>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"

namespace neuroloom {
namespace {

// Raised with every change of what an exported function expects; src/native/loader.ts has the same number.
constexpr double kInterfaceVersion = 8;

napi_value interfaceVersion(const Call& call) { return call.makeNumber(kInterfaceVersion); }

napi_value isas(const Call& call) {
  napi_value list = nullptr;
  napi_create_array(call.env(), &list);
  std::uint32_t length = 0;
  for (const KernelTables* tables : {avx512Tables(), avx2Tables(), baselineTables()}) {
    if (tables != nullptr) napi_set_element(call.env(), list, length++, call.makeText(tables->name));
  }
  return list;
}

napi_value currentIsa(const Call& call) { return call.makeText(kernels().name); }

napi_value chooseIsa(const Call& call) {
  napi_value chosen = nullptr;
  napi_get_boolean(call.env(), selectTables(call.text(0).c_str()), &chosen);
  return chosen;
}

napi_value setThreadCount(const Call& call) {
  const std::size_t count = call.count(0);
  if (count < 1 || count > 1024) throw ArgumentError("the number of threads must be 1 to 1024");
  setThreads(static_cast<int>(count));
  return call.undefined();
}

napi_value threadCount(const Call& call) { return call.makeNumber(threads()); }

// GFLOP/s of fused multiply-adds in registers, all threads together, over about the given number of milliseconds.
napi_value fmaPeak(const Call& call) {
  using Clock = std::chrono::steady_clock;
  const double seconds = call.number(0) / 1000;
  const PeakKernels& peak = *kernels().peak;
  const int parts = threads();
  std::vector<float> sinks(static_cast<std::size_t>(parts) * 64);
  const long rounds = 100000;
  double operations = 0;
  const Clock::time_point start = Clock::now();
  double elapsed = 0;
  do {
    forParts(parts, [&](int part) { peak.multiplyAdd(rounds, &sinks[static_cast<std::size_t>(part) * 64]); });
    operations += static_cast<double>(parts) * rounds * peak.operationsPerRound;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (elapsed < seconds);
  return call.makeNumber(operations / elapsed / 1e9);
}

}  // namespace

void registerCore(napi_env env, napi_value exports) {
  defineFunction<interfaceVersion>(env, exports, "interfaceVersion");
  defineFunction<isas>(env, exports, "isas");
  defineFunction<currentIsa>(env, exports, "currentIsa");
  defineFunction<chooseIsa>(env, exports, "chooseIsa");
  defineFunction<setThreadCount>(env, exports, "setThreads");
  defineFunction<threadCount>(env, exports, "getThreads");
  defineFunction<fmaPeak>(env, exports, "fmaPeak");
}

}  // namespace neuroloom
