dydit_test(gpu TORCH
  SOURCES gpu/gpu_test.cpp study/support.cpp
  LINKS dydit_study dydit_train dydit_dit)
target_include_directories(test_gpu PRIVATE ${PROJECT_SOURCE_DIR}/src/study)  # imposed.h
set_tests_properties(gpu PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: no GPU")
if(DYDIT_WITH_CUDA)
  target_sources(test_gpu PRIVATE gpu/clock_test.cpp gpu/ends_test.cpp gpu/timeline_test.cpp gpu/kernels_test.cpp gpu/fused_test.cpp)
  target_link_libraries(test_gpu PRIVATE dydit_gpu)
endif()
