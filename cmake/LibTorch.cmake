# CUDA: the toolkit decides; without a GPU the programs still build and run on the CPU.
set(DYDIT_WITH_CUDA OFF)
if(NOT DYDIT_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit 12 QUIET)
  if(CUDAToolkit_FOUND)
    set(DYDIT_WITH_CUDA ON)
  elseif(DYDIT_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DYDIT_CUDA=ON needs a CUDA toolkit (12 or newer): install one or configure with -DDYDIT_CUDA=OFF")
  endif()
endif()

# LibTorch through imported targets of our own: its own package file cannot be loaded without a
# CUDA toolkit, and the CPU build must not link the CUDA libraries.
if(Torch_DIR)
  get_filename_component(torch_root ${Torch_DIR}/../../.. ABSOLUTE)
else()
  file(GLOB torch_root ${PROJECT_SOURCE_DIR}/build/deps/libtorch/lib/python3*/site-packages/torch)
endif()
if(NOT EXISTS "${torch_root}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch is missing (looked in '${torch_root}'): run scripts/bootstrap.sh or set Torch_DIR")
endif()
function(dydit_torch_library name)
  add_library(torch::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(torch::${name} PROPERTIES IMPORTED_LOCATION ${torch_root}/lib/lib${name}.so)
endfunction()
dydit_torch_library(c10)
dydit_torch_library(torch_cpu)
add_library(dydit_torch INTERFACE)
target_include_directories(dydit_torch SYSTEM INTERFACE
  ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
target_link_libraries(dydit_torch INTERFACE torch::torch_cpu torch::c10 Threads::Threads)
# at::parallel_for is a template that runs serially in code compiled without OpenMP; the run time is the
# one that LibTorch brings, so that there is one pool of threads.
target_compile_options(dydit_torch INTERFACE -fopenmp)
if(EXISTS ${torch_root}/lib/libgomp.so.1)
  target_link_libraries(dydit_torch INTERFACE ${torch_root}/lib/libgomp.so.1)
else()
  target_link_libraries(dydit_torch INTERFACE gomp)
endif()
# The wheel's libraries keep their own run path; the linker has to be told about theirs.
file(GLOB torch_nvidia ${torch_root}/../nvidia/*/lib)
foreach(folder ${torch_nvidia})
  target_link_options(dydit_torch INTERFACE -Wl,-rpath-link,${folder})
endforeach()
if(DYDIT_WITH_CUDA)
  dydit_torch_library(c10_cuda)
  dydit_torch_library(torch_cuda)
  # Nothing refers to torch_cuda by symbol: it registers its kernels when it is loaded.
  target_link_libraries(dydit_torch INTERFACE
    -Wl,--push-state,--no-as-needed torch::torch_cuda torch::c10_cuda -Wl,--pop-state)
endif()
message(STATUS "LibTorch ${torch_root}; CUDA ${DYDIT_WITH_CUDA}")
