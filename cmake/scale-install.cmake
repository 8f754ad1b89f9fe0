# SPDX-License-Identifier: Apache-2.0
# Installation: headers, the package configuration, targets.

include(CMakePackageConfigHelpers)
foreach(component cpu video)
  string(TOUPPER ${component} upper)
  set(SCALE_HAS_${upper} 0)
  if(TARGET scale_${component})
    set(SCALE_HAS_${upper} 1)
  endif()
endforeach()
set(scale_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/scale)
install(DIRECTORY include/scale DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${scale_targets} EXPORT scale-targets)
install(EXPORT scale-targets NAMESPACE scale:: DESTINATION ${scale_package_dir})
configure_package_config_file(cmake/scale-config.cmake.in scale-config.cmake INSTALL_DESTINATION ${scale_package_dir})
write_basic_package_version_file(scale-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/scale-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/scale-config-version.cmake
        DESTINATION ${scale_package_dir})
