// Entry of the addon. Each family of operations registers its functions from a file of its own.
#include <node_api.h>

namespace neuroloom {

void registerCore(napi_env env, napi_value exports);
void registerConvolution(napi_env env, napi_value exports);
void registerPooling(napi_env env, napi_value exports);
void registerElementwise(napi_env env, napi_value exports);
void registerRegistration(napi_env env, napi_value exports);
void registerEncoding(napi_env env, napi_value exports);
void registerSpectral(napi_env env, napi_value exports);
void registerSpectralPair(napi_env env, napi_value exports);
void registerFooof(napi_env env, napi_value exports);

}  // namespace neuroloom

NAPI_MODULE_INIT() {
  neuroloom::registerCore(env, exports);
  neuroloom::registerConvolution(env, exports);
  neuroloom::registerPooling(env, exports);
  neuroloom::registerElementwise(env, exports);
  neuroloom::registerRegistration(env, exports);
  neuroloom::registerEncoding(env, exports);
  neuroloom::registerSpectral(env, exports);
  neuroloom::registerSpectralPair(env, exports);
  neuroloom::registerFooof(env, exports);
  return exports;
}
