add_test(NAME repository_size COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/repository/size.sh)
set_tests_properties(repository_size PROPERTIES SKIP_RETURN_CODE 77)
