dydit_test(run TORCH
  SOURCES run/device_test.cpp run/profile_test.cpp run/studies_test.cpp run/training_test.cpp
  LINKS dydit_run)
