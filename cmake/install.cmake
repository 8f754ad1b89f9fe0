# SPDX-License-Identifier: Apache-2.0
# Headers, the program, and a package config: find_package(scale REQUIRED COMPONENTS cpu cuda opencl video).

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(scale_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/scale")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/scale" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(TARGETS scale_headers EXPORT scale-targets)
install(EXPORT scale-targets NAMESPACE scale:: DESTINATION "${scale_package_dir}")
foreach(component cpu cuda opencl video)
  if(scale_${component}_ENABLED)
    install(TARGETS scale_${component} EXPORT scale-${component}-targets)
    install(EXPORT scale-${component}-targets NAMESPACE scale:: DESTINATION "${scale_package_dir}")
  endif()
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/scale-config.cmake.in"
  "${PROJECT_BINARY_DIR}/scale-config.cmake" INSTALL_DESTINATION "${scale_package_dir}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/scale-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/scale-config.cmake" "${PROJECT_BINARY_DIR}/scale-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake" "${PROJECT_SOURCE_DIR}/cmake/Findonednn.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/cuda-kernels.cmake"
  DESTINATION "${scale_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
