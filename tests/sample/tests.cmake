dydit_test(sample TORCH
  SOURCES sample/files_test.cpp sample/npz_test.cpp sample/trajectory_test.cpp
  LINKS dydit_sample dydit_data PkgConfig::libzip)
target_include_directories(test_sample PRIVATE ${PROJECT_SOURCE_DIR}/src/sample)
