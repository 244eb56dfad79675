dydit_test(cli TORCH
  SOURCES golden.cpp cli/distributed_test.cpp cli/hostile_test.cpp cli/kill_test.cpp cli/probe_test.cpp cli/process.cpp cli/run_test.cpp
          cli/tiny_runs.cpp cli/usage_test.cpp
  LINKS dydit_record dydit_diffusion dydit_model)
target_compile_definitions(test_cli PRIVATE DYDIT_PROGRAM="$<TARGET_FILE:dydit>")
add_dependencies(test_cli dydit)
