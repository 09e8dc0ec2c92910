foreach(program ciaosfs ciaos-sidecar mkfs.ciaos fsck.ciaos ciaosctl)
  if(TARGET ${program})
    if(program MATCHES "^(ciaosfs|ciaosctl)$")
      install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    else()
      install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_SBINDIR}")
    endif()
  endif()
endforeach()

foreach(section 1 5 7 8)
  file(GLOB manual_pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.${section}")
  install(FILES ${manual_pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()

install(FILES "${PROJECT_BINARY_DIR}/completions/ciaosctl"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${PROJECT_BINARY_DIR}/completions/_ciaosctl" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")

# A script and not install(FILES): the prefix may first be named by `cmake --install --prefix`.
install(CODE "set(bindir \"${CMAKE_INSTALL_BINDIR}\")\nset(sbindir \"${CMAKE_INSTALL_SBINDIR}\")\nset(mandir \"${CMAKE_INSTALL_MANDIR}\")")
install(SCRIPT "${PROJECT_SOURCE_DIR}/cmake/InstallLinks.cmake")
