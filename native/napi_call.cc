#include "napi_call.h"

#include <algorithm>
#include <mutex>
#include <new>

namespace neuroloom {
namespace {

std::string place(std::size_t index) { return "argument " + std::to_string(index + 1); }

void must(napi_status status, std::size_t index, const char* expected) {
  if (status != napi_ok) throw ArgumentError(place(index) + " must be " + expected);
}

}  // namespace

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  if (napi_get_cb_info(env, info, &given_, values_, nullptr, nullptr) != napi_ok) {
    throw std::runtime_error("the arguments could not be read");
  }
  if (given_ > kMost) throw ArgumentError("too many arguments");
}

bool Call::isNull(std::size_t index) const {
  if (index >= given_) return true;
  napi_valuetype type = napi_undefined;
  napi_typeof(env_, values_[index], &type);
  return type == napi_null || type == napi_undefined;
}

double Call::number(std::size_t index) const {
  double value = 0;
  must(index < given_ ? napi_get_value_double(env_, values_[index], &value) : napi_number_expected, index,
       "a number");
  return value;
}

bool Call::flag(std::size_t index) const {
  bool value = false;
  must(index < given_ ? napi_get_value_bool(env_, values_[index], &value) : napi_boolean_expected, index,
       "true or false");
  return value;
}

std::size_t Call::count(std::size_t index) const {
  const double value = number(index);
  if (!(value >= 0 && value < 9007199254740992.0) || value != static_cast<double>(static_cast<std::size_t>(value))) {
    throw ArgumentError(place(index) + " must be a whole number that is not negative");
  }
  return static_cast<std::size_t>(value);
}

std::string Call::text(std::size_t index) const {
  char buffer[256];
  std::size_t length = 0;
  must(index < given_ ? napi_get_value_string_utf8(env_, values_[index], buffer, sizeof buffer, &length)
                      : napi_string_expected,
       index, "a string");
  return std::string(buffer, length);
}

void* Call::elements(std::size_t index, napi_typedarray_type type, std::size_t length) const {
  return elementsOf(index < given_ ? values_[index] : undefined(), index, type, length);
}

void* Call::elementsOf(napi_value value, std::size_t index, napi_typedarray_type type, std::size_t length) const {
  bool isArray = false;
  napi_is_typedarray(env_, value, &isArray);
  napi_typedarray_type actual = napi_int8_array;
  std::size_t available = 0;
  void* data = nullptr;
  if (isArray) napi_get_typedarray_info(env_, value, &actual, &available, &data, nullptr, nullptr);
  if (!isArray || actual != type) throw ArgumentError(place(index) + " is not the typed array expected");
  if (available < length) {
    throw ArgumentError(place(index) + " has " + std::to_string(available) + " elements, " +
                        std::to_string(length) + " are needed");
  }
  return data;
}

std::size_t Call::listLength(std::size_t index) const {
  std::uint32_t length = 0;
  must(index < given_ ? napi_get_array_length(env_, values_[index], &length) : napi_array_expected, index, "a list");
  return length;
}

napi_value Call::listed(std::size_t index, std::size_t item) const {
  napi_value value = nullptr;
  if (item >= listLength(index)) throw ArgumentError(place(index) + " is too short");
  must(napi_get_element(env_, values_[index], static_cast<std::uint32_t>(item), &value), index, "a list");
  return value;
}

double* Call::listedDoubles(std::size_t index, std::size_t item, std::size_t length) const {
  return static_cast<double*>(elementsOf(listed(index, item), index, napi_float64_array, length));
}

std::uint8_t* Call::listedBytes(std::size_t index, std::size_t item, std::size_t length) const {
  return static_cast<std::uint8_t*>(elementsOf(listed(index, item), index, napi_uint8_array, length));
}

float* Call::floats(std::size_t index, std::size_t length) const {
  return static_cast<float*>(elements(index, napi_float32_array, length));
}

double* Call::doubles(std::size_t index, std::size_t length) const {
  return static_cast<double*>(elements(index, napi_float64_array, length));
}

std::uint8_t* Call::bytes(std::size_t index, std::size_t length) const {
  return static_cast<std::uint8_t*>(elements(index, napi_uint8_array, length));
}

std::int32_t* Call::ints(std::size_t index, std::size_t length) const {
  return static_cast<std::int32_t*>(elements(index, napi_int32_array, length));
}

float* Call::floatsOrNull(std::size_t index, std::size_t length) const {
  return isNull(index) ? nullptr : floats(index, length);
}

napi_value Call::undefined() const {
  napi_value value = nullptr;
  napi_get_undefined(env_, &value);
  return value;
}

napi_value Call::makeNumber(double number) const {
  napi_value value = nullptr;
  napi_create_double(env_, number, &value);
  return value;
}

napi_value Call::makeText(const char* text) const {
  napi_value value = nullptr;
  napi_create_string_utf8(env_, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value Call::makeInts(const std::int32_t* values, std::size_t length) const {
  void* data = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env_, length * sizeof(std::int32_t), &data, &buffer) != napi_ok) throw std::bad_alloc();
  std::copy_n(values, length, static_cast<std::int32_t*>(data));
  napi_create_typedarray(env_, napi_int32_array, length, buffer, 0, &array);
  return array;
}

void defineFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, name, function) != napi_ok) {
    napi_throw_error(env, nullptr, "the native functions could not be registered");
  }
}

napi_value invoke(napi_env env, napi_callback_info info, Body body) {
  static std::mutex oneAtATime;
  try {
    std::lock_guard<std::mutex> lock(oneAtATime);
    return body(Call(env, info));
  } catch (const ArgumentError& error) {
    napi_throw_type_error(env, nullptr, error.what());
  } catch (const std::bad_alloc&) {
    napi_throw_range_error(env, nullptr, "not enough memory for the scratch space of a native operation");
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

}  // namespace neuroloom
