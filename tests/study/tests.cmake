dydit_test(study TORCH
  SOURCES study/cells_test.cpp study/loss_gap_test.cpp study/loss_map_test.cpp study/support.cpp
  LINKS dydit_study)
