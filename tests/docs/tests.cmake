# The numbers of the pages against their records, and that the check itself finds what is wrong.
find_package(Python3 3.11 QUIET COMPONENTS Interpreter)
if(Python3_FOUND)
  add_test(NAME docs COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/docs/claims.py)
  add_test(NAME docs_claims COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/docs/claims_test.py)
else()
  message(STATUS "No Python 3.11: the numbers of README.md and docs/ are not held against their records")
endif()
# By Debian's Python, which has the module that scripts/bootstrap.sh installs.
add_test(NAME docs_schema COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/docs/schema_test.py)
