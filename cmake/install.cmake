# SPDX-License-Identifier: Apache-2.0
# Installs headers, library, CMake package and pkg-config file: the component "development".
include(CMakePackageConfigHelpers)
install(DIRECTORY include/xenpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(TARGETS xenpp_core xenpp EXPORT xenpp
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT xenpp NAMESPACE xenpp:: FILE xenpp-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenpp COMPONENT development)
configure_package_config_file(cmake/xenpp-config.cmake.in xenpp-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenpp)
write_basic_package_version_file(xenpp-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xenpp-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/xenpp-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenpp COMPONENT development)
# The pkg-config file finds its prefix from where it lies, wherever the tree is moved.
file(RELATIVE_PATH XENPP_PC_TO_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/xenpp.pc.in xenpp.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xenpp.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
