dydit_test(instrument TORCH
  SOURCES instrument/interleaved_test.cpp instrument/recovery_test.cpp instrument/memory_test.cpp instrument/trace_test.cpp
  LINKS dydit_instrument ZLIB::ZLIB)
add_test(NAME trace_check COMMAND python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/instrument/trace_check_test.py)
