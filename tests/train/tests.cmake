dydit_test(train TORCH
  SOURCES golden.cpp train/dynamic_test.cpp train/label_dropout_test.cpp train/optimiser_test.cpp train/options_test.cpp train/resume_test.cpp
          train/timesteps_test.cpp
          train/training_test.cpp
  LINKS dydit_train)
# Threads that wait for each other are slow on a busy machine, and these models are tiny.
set_tests_properties(train PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
