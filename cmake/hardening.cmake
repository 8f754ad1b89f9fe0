# SPDX-License-Identifier: Apache-2.0
# Flags that make it harder to use a defect of a program: for this project's own programs, never for who uses the library.

include(CheckCXXCompilerFlag)
foreach(flag -fstack-protector-strong -fcf-protection -fstack-clash-protection)
  string(MAKE_C_IDENTIFIER "SCALE_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})  # not on every processor
  if(${known})
    add_compile_options(${flag})
  endif()
endforeach()
add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")  # works in optimised code alone
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
add_link_options(-Wl,-z,relro,-z,now)
