dydit_test(instrument TORCH
  SOURCES instrument/collector_test.cpp instrument/interleaved_test.cpp instrument/recovery_test.cpp instrument/memory_test.cpp
  LINKS dydit_instrument dydit_cost dydit_dit)
