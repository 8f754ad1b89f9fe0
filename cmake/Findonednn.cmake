# SPDX-License-Identifier: Apache-2.0
# oneDNN by header and library: target onednn::onednn, variable onednn_VERSION.
# Not through its own dnnl-config.cmake: Debian's stops with an error where no OpenCL development files are installed,
# which nothing here uses.

find_path(onednn_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(onednn_LIBRARY dnnl)
mark_as_advanced(onednn_INCLUDE_DIR onednn_LIBRARY)

set(onednn_VERSION)
if(onednn_INCLUDE_DIR AND EXISTS "${onednn_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h")
  set(onednn_numbers)
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${onednn_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" onednn_line
         REGEX "^#define DNNL_VERSION_${part} +[0-9]+")
    if(onednn_line MATCHES "([0-9]+)")
      list(APPEND onednn_numbers "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN onednn_numbers "." onednn_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(onednn REQUIRED_VARS onednn_LIBRARY onednn_INCLUDE_DIR VERSION_VAR onednn_VERSION)

if(onednn_FOUND AND NOT TARGET onednn::onednn)
  add_library(onednn::onednn UNKNOWN IMPORTED)
  set_target_properties(onednn::onednn PROPERTIES
    IMPORTED_LOCATION "${onednn_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${onednn_INCLUDE_DIR}")
endif()
