dydit_test(engine TORCH
  SOURCES golden.cpp golden_weights.cpp engine/golden_test.cpp engine/property_test.cpp engine/relaxed_test.cpp engine/packing_test.cpp
  LINKS dydit_engine)
target_include_directories(test_engine PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)  # masked_pass.h
# Threads that wait for each other are slow on a busy machine, and most of these models are tiny.
set_tests_properties(engine PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
