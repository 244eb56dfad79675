dydit_test(gpu TORCH
  SOURCES gpu/gpu_test.cpp study/support.cpp
  LINKS dydit_study dydit_train)
set_tests_properties(gpu PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: no GPU")
