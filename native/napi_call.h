// Arguments and results of one call from JavaScript, read and checked through the C API of Node.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace neuroloom {

// Becomes a TypeError in JavaScript. The wrappers in src/native check first and say more; this guards the memory.
struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Call {
 public:
  Call(napi_env env, napi_callback_info info);

  napi_env env() const { return env_; }
  bool isNull(std::size_t index) const;  // null, undefined or absent
  double number(std::size_t index) const;
  bool flag(std::size_t index) const;
  // An integer in [0, 2^53).
  std::size_t count(std::size_t index) const;
  std::string text(std::size_t index) const;
  // A Float32Array / Float64Array / Uint8Array / Int32Array of at least `length` elements.
  float* floats(std::size_t index, std::size_t length) const;
  double* doubles(std::size_t index, std::size_t length) const;
  std::uint8_t* bytes(std::size_t index, std::size_t length) const;
  std::int32_t* ints(std::size_t index, std::size_t length) const;
  // Element `item` of an array of typed arrays.
  std::size_t listLength(std::size_t index) const;
  double* listedDoubles(std::size_t index, std::size_t item, std::size_t length) const;
  std::uint8_t* listedBytes(std::size_t index, std::size_t item, std::size_t length) const;
  // The same, or nullptr where the argument is null.
  float* floatsOrNull(std::size_t index, std::size_t length) const;

  napi_value undefined() const;
  napi_value makeNumber(double value) const;
  napi_value makeText(const char* value) const;
  // An Int32Array that holds a copy.
  napi_value makeInts(const std::int32_t* values, std::size_t length) const;

 private:
  static constexpr std::size_t kMost = 40;
  void* elements(std::size_t index, napi_typedarray_type type, std::size_t length) const;
  void* elementsOf(napi_value value, std::size_t index, napi_typedarray_type type, std::size_t length) const;
  napi_value listed(std::size_t index, std::size_t item) const;

  napi_env env_;
  std::size_t given_ = kMost;
  napi_value values_[kMost];
};

using Body = napi_value (*)(const Call&);

void defineFunction(napi_env env, napi_value exports, const char* name, napi_callback callback);
napi_value invoke(napi_env env, napi_callback_info info, Body body);

// Exports `body` as `name`. Calls run one at a time in a process, whatever thread they come from; what they throw
// becomes a JavaScript error.
template <Body body>
void defineFunction(napi_env env, napi_value exports, const char* name) {
  defineFunction(env, exports, name,
                 [](napi_env e, napi_callback_info info) { return invoke(e, info, body); });
}

}  // namespace neuroloom
