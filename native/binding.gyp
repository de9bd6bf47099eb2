{
  "targets": [
    {
      "target_name": "neuroloom_native",
      "sources": [
        "addon.cc",
        "napi_call.cc",
        "pool.cc",
        "dispatch/kernels.cc",
        "dispatch/kernels_avx512.cc",
        "dispatch/kernels_avx2.cc",
        "dispatch/kernels_base.cc",
        "register_core.cc",
        "register_convolution.cc",
        "register_pooling.cc",
        "register_elementwise.cc",
        "register_registration.cc",
        "register_encoding.cc",
        "double_gamma.cc",
        "prf_fit.cc",
        "prf_peaks.cc",
        "separable_fit.cc",
        "register_spectral.cc",
        "register_spectral_pair.cc",
        "spectral_ordering.cc",
        "spectral_pair.cc",
        "spectral_products.cc",
        "spectral_slice.cc",
        "register_fooof.cc",
        "warp_driver.cc"
      ],
      "include_dirs": ["."],
      "defines": ["NAPI_VERSION=8"],
      # No flag that may assume away NaN or infinity: a diverging loss must be seen as NaN.
      "cflags_cc": ["-std=c++17", "-O3", "-Wall", "-Wextra", "-Wno-psabi", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fexceptions"],
      "cflags_cc!": ["-fno-exceptions", "-O2", "-std=gnu++17", "-std=gnu++20"],
      "libraries": ["-pthread"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "GCC_OPTIMIZATION_LEVEL": "3",
        "MACOSX_DEPLOYMENT_TARGET": "11.0",
        "OTHER_CPLUSPLUSFLAGS": ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
      }
    }
  ]
}
