dydit_test(base SOURCES base/bounds_test.cpp base/cores_test.cpp base/random_test.cpp base/file_test.cpp base/keys_test.cpp base/median_test.cpp base/signals_test.cpp LINKS dydit_base)
