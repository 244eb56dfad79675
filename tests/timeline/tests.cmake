dydit_test(timeline TORCH
  SOURCES timeline/attribution_test.cpp timeline/collector_test.cpp timeline/trace_test.cpp
  LINKS dydit_timeline dydit_cost dydit_dit ZLIB::ZLIB)
add_test(NAME trace_check COMMAND python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/timeline/trace_check_test.py)
