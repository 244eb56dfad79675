dydit_test(diffusion TORCH
  SOURCES golden.cpp diffusion/draws_test.cpp diffusion/flow_test.cpp diffusion/gaussian_test.cpp
          diffusion/process_test.cpp diffusion/sampling_test.cpp diffusion/schedule_test.cpp
  LINKS dydit_diffusion dydit_dit)
