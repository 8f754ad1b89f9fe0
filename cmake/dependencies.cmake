# SPDX-License-Identifier: Apache-2.0
# Third parties of each component. The build and the installed package config both include this file, so that they
# cannot drift apart. Each macro sets scale_<component>_MISSING to the names of what was not found (empty: all there).

macro(scale_find_base)
  set(scale_base_MISSING)
  find_package(ZLIB QUIET)  # only for the headers that read and write zip archives, so it may be missing
  find_package(nlohmann_json 3.9 QUIET)
  find_package(Eigen3 3.3 QUIET NO_MODULE)
  find_package(xtensor QUIET)
  find_package(Threads QUIET)
  foreach(target nlohmann_json::nlohmann_json Eigen3::Eigen xtensor Threads::Threads)
    if(NOT TARGET ${target})
      list(APPEND scale_base_MISSING ${target})
    endif()
  endforeach()
endmacro()

macro(scale_find_cpu)
  set(scale_cpu_MISSING)
  find_package(onednn QUIET)
  find_package(OpenMP QUIET COMPONENTS CXX)
  foreach(target onednn::onednn OpenMP::OpenMP_CXX)
    if(NOT TARGET ${target})
      list(APPEND scale_cpu_MISSING ${target})
    endif()
  endforeach()
endmacro()

macro(scale_find_video)
  set(scale_video_MISSING)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND AND NOT TARGET PkgConfig::scale_libav)
    pkg_check_modules(scale_libav QUIET IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
  endif()
  if(NOT TARGET PkgConfig::scale_libav)
    list(APPEND scale_video_MISSING "libavformat libavcodec libavutil libswscale (through pkg-config)")
  endif()
endmacro()
