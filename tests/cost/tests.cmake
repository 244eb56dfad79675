dydit_test(cost TORCH SOURCES cost/cost_test.cpp LINKS dydit_cost)
