dydit_test(instrument TORCH SOURCES instrument/interleaved_test.cpp instrument/recovery_test.cpp instrument/memory_test.cpp LINKS dydit_instrument)
