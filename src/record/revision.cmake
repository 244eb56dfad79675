# Writes HEADER with the source revision of SOURCE and whether the tree was clean; "unknown" where
# SOURCE is not the top of a git checkout.
set(revision unknown)
set(tree unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-toplevel HEAD
    OUTPUT_VARIABLE answer RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    string(REPLACE "\n" ";" answer "${answer}")
    list(GET answer 0 top)
    file(REAL_PATH ${SOURCE} source)
    if(top STREQUAL source)
      list(GET answer 1 revision)
      # No lock on the index: a build must not disturb a commit that goes on at the same time.
      execute_process(COMMAND ${GIT} --no-optional-locks -C ${SOURCE} status --porcelain
        OUTPUT_VARIABLE changes RESULT_VARIABLE failed ERROR_QUIET)
      if(NOT failed)
        set(tree modified)
        if(changes STREQUAL "")
          set(tree clean)
        endif()
      endif()
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY CONTENT [[
#pragma once
#define DYDIT_REVISION "@revision@"
#define DYDIT_TREE "@tree@"
]])
