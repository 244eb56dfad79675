dydit_test(engine TORCH SOURCES engine/engine_test.cpp engine/family_test.cpp engine/rounding_test.cpp LINKS dydit_engine)
