dydit_test(study TORCH
  SOURCES study/agreement_test.cpp study/cells_test.cpp study/costs_test.cpp study/dynamic_test.cpp study/imposed_test.cpp study/loss_gap_test.cpp study/loss_map_test.cpp study/sampling_test.cpp study/speed_test.cpp study/support.cpp study/variants_test.cpp
  LINKS dydit_study dydit_dit)
# Threads that wait for each other are slow on a busy machine, and these models are tiny.
set_tests_properties(study PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
target_include_directories(test_study PRIVATE ${PROJECT_SOURCE_DIR}/src/study)  # imposed.h, agreement.h, variants.h
