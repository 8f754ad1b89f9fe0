# SPDX-License-Identifier: Apache-2.0
# The version stands in one place, include/scale/core/version.hpp.

function(scale_read_version result)
  set(header "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../include/scale/core/version.hpp")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${header}")
  set(numbers)
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${header}" line REGEX "^#define SCALE_VERSION_${part} [0-9]+$")
    if(NOT line MATCHES " ([0-9]+)$")
      message(FATAL_ERROR "${header}: no line '#define SCALE_VERSION_${part} <number>'")
    endif()
    list(APPEND numbers "${CMAKE_MATCH_1}")
  endforeach()
  list(JOIN numbers "." version)
  set(${result} "${version}" PARENT_SCOPE)
endfunction()
