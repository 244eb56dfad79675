dydit_test(base SOURCES base/random_test.cpp base/file_test.cpp base/keys_test.cpp base/median_test.cpp base/signals_test.cpp LINKS dydit_base)
