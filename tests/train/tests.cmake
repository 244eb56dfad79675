dydit_test(train TORCH
  SOURCES train/label_dropout_test.cpp train/optimiser_test.cpp train/options_test.cpp train/resume_test.cpp
          train/training_test.cpp
  LINKS dydit_train)
