# SPDX-License-Identifier: Apache-2.0
# scale_add_cuda_kernels(<target> [TYPES float bf16] [ARCHITECTURES 80 90 ...|all])
#
# Makes the static library <target>: the kernels of scale::cuda, compiled by nvcc for the given element types and
# devices; link it to the program that includes <scale/cuda.hpp>, once. The project needs no language CUDA.
#   TYPES          default: float bf16
#   ARCHITECTURES  compute capabilities as in sm_90, default all: every one that scale is made for and this toolkit
#                  knows. The last one is also kept as PTX, which newer devices compile for themselves.
# Never put <target> into a shared library whose symbols are exported: the kernels of two such libraries would be mixed.

function(scale_add_cuda_kernels target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "TYPES;ARCHITECTURES")
  find_package(CUDAToolkit 12.0 REQUIRED QUIET)  # its variables, in the caller's folder
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "scale_add_cuda_kernels(${target}): unknown argument ${arg_UNPARSED_ARGUMENTS}; "
                        "known: TYPES, ARCHITECTURES")
  endif()
  if(NOT arg_TYPES)
    set(arg_TYPES float bf16)
  endif()
  if(NOT arg_ARCHITECTURES OR arg_ARCHITECTURES STREQUAL "all")
    set(arg_ARCHITECTURES 80 86 89 90)
    if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12.8)
      list(APPEND arg_ARCHITECTURES 100 120)
    endif()
  endif()

  set(flags -std=c++20 -O3 -Werror all-warnings -Xcompiler=-fPIC -ccbin "${CMAKE_CXX_COMPILER}")
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # nvcc hands it designated initialisers in GNU's old form
    list(APPEND flags -Xcompiler=-Wno-gnu-designator)
  endif()
  foreach(architecture IN LISTS arg_ARCHITECTURES)
    if(NOT architecture MATCHES "^[0-9]+[af]?$")
      message(FATAL_ERROR "scale_add_cuda_kernels(${target}): ARCHITECTURES: expected numbers as in sm_90, "
                          "got '${architecture}'")
    endif()
    list(APPEND flags -gencode "arch=compute_${architecture},code=sm_${architecture}")
    set(newest "${architecture}")
  endforeach()
  list(APPEND flags -gencode "arch=compute_${newest},code=compute_${newest}")

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}")
  set(objects)
  foreach(type IN ITEMS common ${arg_TYPES})
    if(type STREQUAL "common")
      set(text "SCALE_CUDA_INSTANTIATE_COMMON()")
    elseif(type STREQUAL "float")
      set(text "SCALE_CUDA_INSTANTIATE(float)")
    elseif(type STREQUAL "bf16")
      set(text "SCALE_CUDA_INSTANTIATE(scale::bf16)")
    else()
      message(FATAL_ERROR "scale_add_cuda_kernels(${target}): TYPES: expected float or bf16, got '${type}'")
    endif()
    file(CONFIGURE OUTPUT "${folder}/${type}.cu" CONTENT "#include <scale/cuda/instantiate.cuh>\n\n${text}\n")
    # the include directories of the target, in generator expressions
    set(include "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
    add_custom_command(OUTPUT "${folder}/${type}.o"
      COMMAND "${CUDAToolkit_NVCC_EXECUTABLE}" ${flags} "$<$<BOOL:${include}>:-I$<JOIN:${include},;-I>>"
              -MD -MF "${folder}/${type}.d" -c "${folder}/${type}.cu" -o "${folder}/${type}.o"
      DEPENDS "${folder}/${type}.cu" DEPFILE "${folder}/${type}.d"
      COMMENT "Compiling CUDA kernels (${type}) of ${target}" COMMAND_EXPAND_LISTS VERBATIM)
    list(APPEND objects "${folder}/${type}.o")
  endforeach()

  add_library(${target} STATIC ${objects})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PUBLIC scale::cuda)
endfunction()
