# SPDX-License-Identifier: Apache-2.0
# The library's targets. All are headers; a component adds the libraries that its headers call. No flags of the
# machine (-march) and no warning flags here: both belong to the user's project.

scale_find_base()
if(scale_base_MISSING)
  message(FATAL_ERROR "scale needs ${scale_base_MISSING}; on Debian and Ubuntu: bash cmake/install-dependencies.sh")
endif()

add_library(scale_headers INTERFACE)
add_library(scale::scale ALIAS scale_headers)
set_target_properties(scale_headers PROPERTIES EXPORT_NAME scale)
target_compile_features(scale_headers INTERFACE cxx_std_20)
target_include_directories(scale_headers INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>")
target_link_libraries(scale_headers INTERFACE nlohmann_json::nlohmann_json Eigen3::Eigen xtensor Threads::Threads
  $<TARGET_NAME_IF_EXISTS:ZLIB::ZLIB>)

# scale_add_component(<name> <libraries>...): the target scale::<name>, according to the option SCALE_<NAME>;
# sets scale_<name>_ENABLED.
macro(scale_add_component name)
  string(TOUPPER ${name} scale_option)
  set(scale_${name}_ENABLED FALSE)
  if(NOT SCALE_${scale_option} STREQUAL "OFF")
    cmake_language(CALL scale_find_${name})
    if(NOT scale_${name}_MISSING)
      set(scale_${name}_ENABLED TRUE)
      add_library(scale_${name} INTERFACE)
      add_library(scale::${name} ALIAS scale_${name})
      set_target_properties(scale_${name} PROPERTIES EXPORT_NAME ${name})
      target_link_libraries(scale_${name} INTERFACE scale_headers ${ARGN})
    elseif(SCALE_${scale_option} STREQUAL "ON")
      message(FATAL_ERROR "SCALE_${scale_option} is ON, not found: ${scale_${name}_MISSING}; "
                          "on Debian and Ubuntu: bash cmake/install-dependencies.sh")
    else()
      message(STATUS "scale::${name} is left out, not found: ${scale_${name}_MISSING}")
    endif()
  endif()
endmacro()

scale_add_component(cpu onednn::onednn OpenMP::OpenMP_CXX)
scale_add_component(cuda CUDA::cudart CUDA::cublasLt)
if(scale_cuda_ENABLED)
  include("${CMAKE_CURRENT_LIST_DIR}/cuda-kernels.cmake")
endif()
scale_add_component(opencl OpenCL::OpenCL Boost::headers)
if(scale_opencl_ENABLED)
  target_compile_definitions(scale_opencl INTERFACE CL_TARGET_OPENCL_VERSION=120)
endif()
scale_add_component(video PkgConfig::scale_libav)

# For the project's own programs and tests.
add_library(scale_warnings INTERFACE)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(scale_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    # g++ 12 sees overlapping copies in every std::string sum it inlines (GCC bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
endif()
