dydit_test(quality TORCH
  SOURCES golden.cpp golden_weights.cpp quality/judge_test.cpp quality/metrics_test.cpp
  LINKS dydit_quality dydit_dit dydit_model)
