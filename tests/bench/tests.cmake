dydit_test(bench
  SOURCES bench/suites_test.cpp
  LINKS dydit_base nlohmann_json::nlohmann_json)
set_source_files_properties(bench/suites_test.cpp PROPERTIES COMPILE_DEFINITIONS DYDIT_BENCH="$<TARGET_FILE:dydit_bench>")
add_dependencies(test_bench dydit_bench)
