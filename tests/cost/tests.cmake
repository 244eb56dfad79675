dydit_test(cost TORCH SOURCES cost/cost_test.cpp cost/work_test.cpp LINKS dydit_cost dydit_dit)
