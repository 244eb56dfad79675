dydit_test(cost TORCH SOURCES golden.cpp cost/cost_test.cpp LINKS dydit_cost)
