# SPDX-License-Identifier: Apache-2.0
# Warnings of this project's own programs; never of its users.

option(SCALE_WARNINGS_AS_ERRORS "Treat warnings in this project's own programs as errors" OFF)

function(scale_add_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion)
  if(SCALE_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
