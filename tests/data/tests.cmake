dydit_test(data
  SOURCES data/subset_test.cpp data/class_folders_test.cpp data/image_test.cpp data/images_test.cpp data/latents_test.cpp data/loader_test.cpp data/npz_test.cpp data/synthetic_test.cpp data/webp_test.cpp
  LINKS dydit_data dydit_checkpoint PkgConfig::libwebp PkgConfig::libzip ZLIB::ZLIB)
target_include_directories(test_data PRIVATE ${PROJECT_SOURCE_DIR}/src/data)
