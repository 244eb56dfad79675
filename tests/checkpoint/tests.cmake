dydit_test(checkpoint
  SOURCES checkpoint/big_test.cpp checkpoint/folder_test.cpp checkpoint/heap.cpp checkpoint/hostile_test.cpp checkpoint/legacy_test.cpp checkpoint/mutation_test.cpp
    checkpoint/pickle_test.cpp checkpoint/safetensors_test.cpp checkpoint/sections_test.cpp checkpoint/torch_file_test.cpp
  LINKS dydit_checkpoint nlohmann_json::nlohmann_json)
