dydit_test(dit TORCH
  SOURCES golden.cpp golden_weights.cpp dit/configuration_test.cpp dit/diffusers_test.cpp dit/family_test.cpp dit/forward_test.cpp
          dit/golden_test.cpp dit/importance_test.cpp dit/initialise_test.cpp dit/packing_test.cpp dit/parts_test.cpp
          dit/property_test.cpp dit/relaxed_test.cpp dit/rounding_test.cpp dit/router_test.cpp dit/routers_test.cpp dit/weights_test.cpp
  LINKS dydit_dit dydit_cost)
target_include_directories(test_dit PRIVATE ${PROJECT_SOURCE_DIR}/src/dit)  # masked_block.h, parts.h, routing.h
# Threads that wait for each other are slow on a busy machine, and most of these models are tiny.
set_tests_properties(dit PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
