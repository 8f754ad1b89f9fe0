# SPDX-License-Identifier: Apache-2.0
# Installs BINARY_DIR into a fresh PREFIX, and checks that every header of the source tree is there.
file(REMOVE_RECURSE "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BINARY_DIR}" --prefix "${PREFIX}"
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
set(include_dir "${CMAKE_CURRENT_LIST_DIR}/../../include")
file(GLOB_RECURSE headers RELATIVE "${include_dir}" "${include_dir}/*.hpp" "${include_dir}/*.cuh")
foreach(header IN LISTS headers)
  if(NOT EXISTS "${PREFIX}/include/${header}")
    message(FATAL_ERROR "${header} was not installed")
  endif()
endforeach()
