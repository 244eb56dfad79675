dydit_test(model TORCH
  SOURCES model/architecture_test.cpp model/attention_test.cpp model/fused_test.cpp model/linear_test.cpp model/shares_test.cpp
          model/tensors_test.cpp
  LINKS dydit_model)
target_include_directories(test_model PRIVATE ${PROJECT_SOURCE_DIR}/src/model)  # workers.h
