# SPDX-License-Identifier: Apache-2.0
# Options of the build. A project that includes this one with add_subdirectory gets the library and nothing else.

option(SCALE_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(SCALE_BUILD_EXAMPLES "Build the examples and the program scale" ${PROJECT_IS_TOP_LEVEL})
option(SCALE_BUILD_BENCHMARKS "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(SCALE_HARDENING "Hardening flags for the programs of this project" OFF)
option(SCALE_FUZZ "Build the fuzzers; needs clang" OFF)
option(SCALE_INSTALL "Make install rules and a package config" ${PROJECT_IS_TOP_LEVEL})

# AUTO: where its libraries are found. ON: an error where they are not. OFF: never.
foreach(component CPU CUDA OPENCL VIDEO)
  set(SCALE_${component} AUTO CACHE STRING "Component ${component}: AUTO, ON or OFF")
  set_property(CACHE SCALE_${component} PROPERTY STRINGS AUTO ON OFF)
  if(NOT SCALE_${component} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "SCALE_${component} is '${SCALE_${component}}': expected AUTO, ON or OFF")
  endif()
endforeach()

# Off: it costs minutes of nvcc, and a start that is 70 ms longer, for cuBLASLt.
option(SCALE_PROGRAM_CUDA "The program scale computes on CUDA devices too" OFF)
# Off, one is left, which shows that kernels and host code link; the same tests run in the emulation of a device.
option(SCALE_CUDA_TESTS "Build all tests that a CUDA device is needed for" ON)
set(SCALE_CUDA_ARCHITECTURES 90 CACHE STRING
    "Devices that the project's own CUDA programs and tests are compiled for: numbers as in sm_90, or all")

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  if(NOT CMAKE_RUNTIME_OUTPUT_DIRECTORY)
    set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  find_program(SCALE_CCACHE ccache)
  if(SCALE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${SCALE_CCACHE}")
  endif()
endif()
