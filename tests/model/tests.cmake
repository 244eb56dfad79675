dydit_test(model TORCH
  SOURCES golden.cpp golden_weights.cpp model/configuration_test.cpp model/diffusers_test.cpp model/forward_test.cpp
          model/attention_test.cpp model/fused_test.cpp model/importance_test.cpp model/initialise_test.cpp model/linear_test.cpp model/router_test.cpp model/shares_test.cpp model/weights_test.cpp
  LINKS dydit_model)
target_include_directories(test_model PRIVATE ${PROJECT_SOURCE_DIR}/src/model)  # workers.h
