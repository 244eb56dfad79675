dydit_test(run TORCH
  SOURCES run/decisions_test.cpp run/device_test.cpp run/profile_test.cpp run/studies_test.cpp run/training_test.cpp
  LINKS dydit_run)
# Threads that wait for each other are slow on a busy machine, and these models are tiny.
set_tests_properties(run PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
