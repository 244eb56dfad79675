dydit_test(cache TORCH
  SOURCES golden.cpp golden_weights.cpp cache/cached_test.cpp cache/history_test.cpp cache/spec_test.cpp
  LINKS dydit_cache dydit_dit dydit_diffusion dydit_cost)
target_include_directories(test_cache PRIVATE ${PROJECT_SOURCE_DIR}/src/cache)  # history.h
