# Everything the project links but LibTorch (see LibTorch.cmake), as imported targets.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness lets ccache store precompiled headers; the base folder, that another checkout finds them.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(benchmark REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(libutf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(libwebp REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)

find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_path(GLOO_INCLUDE gloo/context.h REQUIRED)
find_path(CATCH3_INCLUDE catch2/catch_all.hpp)
find_path(CATCH2_INCLUDE catch2/catch.hpp)
if(NOT CATCH3_INCLUDE AND NOT CATCH2_INCLUDE)
  message(FATAL_ERROR "Catch2 is missing: install Debian's package catch2")
endif()
