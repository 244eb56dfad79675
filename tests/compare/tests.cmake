dydit_test(compare
  SOURCES compare/google_benchmark_test.cpp compare/nvbench_test.cpp compare/report_test.cpp compare/results_test.cpp compare/sequential_test.cpp compare/statistics_test.cpp
          compare/verdict_test.cpp
  LINKS dydit_compare dydit_base dydit_record nlohmann_json::nlohmann_json)
