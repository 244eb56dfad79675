# What every one that starts the program shares.
set(program_sources cli/process.cpp cli/tiny_runs.cpp)
dydit_test(cli TORCH
  SOURCES golden.cpp golden_weights.cpp inception_weights.cpp vae_weights.cpp cli/compare_test.cpp cli/costs_test.cpp cli/data_test.cpp cli/distributed_test.cpp cli/dynamic_test.cpp cli/hostile_test.cpp cli/images_test.cpp
          cli/probe_test.cpp cli/profile_test.cpp cli/quality_test.cpp cli/run_test.cpp cli/sample_test.cpp cli/usage_test.cpp cli/vae_test.cpp cli/weights_test.cpp ${program_sources}
  LINKS dydit_data dydit_record dydit_diffusion dydit_dit dydit_study dydit_quality PkgConfig::libzip)
dydit_test(faults
  SOURCES cli/faults_test.cpp cli/kill_test.cpp ${program_sources}
  LINKS dydit_record dydit_checkpoint nlohmann_json::nlohmann_json)
add_library(test_backward_clock MODULE cli/backward_clock.cpp)
target_link_libraries(test_backward_clock PRIVATE dydit_flags ${CMAKE_DL_LIBS})
set_source_files_properties(cli/faults_test.cpp PROPERTIES COMPILE_DEFINITIONS DYDIT_BACKWARD_CLOCK="$<TARGET_FILE:test_backward_clock>")
set_source_files_properties(cli/process.cpp PROPERTIES COMPILE_DEFINITIONS DYDIT_PROGRAM="$<TARGET_FILE:dydit>")
add_dependencies(test_cli dydit)
add_dependencies(test_faults dydit test_backward_clock)
if(DYDIT_WITH_CUDA)  # whose toolkit brings NVTX
  add_library(test_nvtx_tool MODULE cli/nvtx_tool.cpp)
  target_link_libraries(test_nvtx_tool PRIVATE dydit_flags CUDA::nvtx3)
  target_sources(test_cli PRIVATE cli/nvtx_test.cpp)
  set_source_files_properties(cli/nvtx_test.cpp PROPERTIES COMPILE_DEFINITIONS DYDIT_NVTX_TOOL="$<TARGET_FILE:test_nvtx_tool>")
  add_dependencies(test_cli test_nvtx_tool)
endif()
