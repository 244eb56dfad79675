# A room is a folder with one library target, dydit_<name>, and its own include directory, so that
# an include of a room that is not linked does not compile.

add_library(dydit_flags INTERFACE)
target_compile_options(dydit_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Werror>)
if(DYDIT_SANITIZE)
  target_compile_options(dydit_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer>)
  target_link_options(dydit_flags INTERFACE -fsanitize=address,undefined)
  # GCC 12 warns of std::regex's own code under the sanitizers.
  target_compile_options(dydit_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()

if(DYDIT_FUZZ)
  # The rooms are instrumented; libFuzzer's main is linked to the fuzzers alone.
  target_compile_options(dydit_flags INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_definitions(dydit_flags INTERFACE _GLIBCXX_ASSERTIONS)
else()
  # LibTorch's headers are compiled once, here, and every room that uses them takes the result.
  file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
  add_library(dydit_precompiled STATIC ${PROJECT_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(dydit_precompiled PRIVATE dydit_flags dydit_torch fmt::fmt-header-only)
  target_precompile_headers(dydit_precompiled PRIVATE
    <torch/types.h> <torch/nn/modules/container/modulelist.h> <torch/nn/modules/container/sequential.h>
    <torch/nn/modules/conv.h> <torch/nn/modules/embedding.h> <torch/nn/modules/linear.h>)
endif()

# Sources of one target that are compiled together: reading the headers, above all LibTorch's, takes most of a unit's time.
function(dydit_unite target)
  if(DYDIT_UNITY)  # a class of a .cpp may hold what that file's unnamed namespace has
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${DYDIT_UNITY} UNITY_BUILD_BATCH_SIZE 6)
endfunction()

# dydit_room(name [TORCH] SOURCES ... LINKS public... USES private...)
function(dydit_room name)
  cmake_parse_arguments(ROOM "TORCH" "" "SOURCES;LINKS;USES" ${ARGN})
  add_library(dydit_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(dydit_${name} PUBLIC include)
  target_link_libraries(dydit_${name} PUBLIC ${ROOM_LINKS} PRIVATE dydit_flags ${ROOM_USES})
  dydit_unite(dydit_${name})
  if(ROOM_TORCH)
    dydit_use_torch(dydit_${name} PUBLIC)
  else()
    target_link_libraries(dydit_${name} PRIVATE fmt::fmt-header-only)
  endif()
endfunction()

function(dydit_use_torch target visibility)
  target_link_libraries(${target} ${visibility} dydit_torch PRIVATE fmt::fmt-header-only)
  target_precompile_headers(${target} REUSE_FROM dydit_precompiled)
endfunction()
