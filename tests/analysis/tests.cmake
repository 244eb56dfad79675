dydit_test(analysis
  SOURCES analysis/combinations_page_test.cpp analysis/combinations_test.cpp analysis/costs_test.cpp analysis/dynamic_test.cpp
          analysis/figure_test.cpp analysis/kernel_figures_test.cpp analysis/kernels_test.cpp analysis/loss_gap_test.cpp analysis/loss_map_test.cpp analysis/made_up_run.cpp
          analysis/made_up_profile.cpp analysis/made_up_sampling.cpp analysis/made_up_speed.cpp analysis/manifest_test.cpp analysis/page_test.cpp
          analysis/process_test.cpp analysis/profile_against_test.cpp analysis/quality_front_test.cpp analysis/range_changes_test.cpp analysis/report_test.cpp analysis/speed_test.cpp analysis/statistics_test.cpp analysis/strip_test.cpp
          analysis/text_test.cpp analysis/waterfall_test.cpp
  LINKS dydit_analysis dydit_base)
target_include_directories(test_analysis PRIVATE ${PROJECT_SOURCE_DIR}/analysis)  # plot_style.h
