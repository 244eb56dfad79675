dydit_test(quality TORCH
  SOURCES golden.cpp golden_weights.cpp inception_weights.cpp vae_weights.cpp quality/inception_test.cpp quality/judge_test.cpp quality/metrics_test.cpp quality/vae_test.cpp
  LINKS dydit_quality dydit_dit PkgConfig::libzip)
target_include_directories(test_quality PRIVATE ${PROJECT_SOURCE_DIR}/src/quality)  # vae_layers.h
