dydit_test(record
  SOURCES record/default_path_test.cpp record/manifest_test.cpp record/record_test.cpp record/resume_test.cpp
  LINKS dydit_record dydit_base)
