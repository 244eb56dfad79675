dydit_test(timeline TORCH
  SOURCES timeline/attribution_test.cpp timeline/gpu_records_test.cpp timeline/trace_test.cpp
  LINKS dydit_timeline ZLIB::ZLIB)
add_test(NAME trace_check COMMAND python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/timeline/trace_check_test.py)
