dydit_test(extension TORCH SOURCES extension/extension_test.cpp LINKS dydit_run dydit_analysis)
