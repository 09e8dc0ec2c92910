# Run by `cmake --install`. The names under which mount(8), mkfs(8) and fsck(8) look for a filesystem's programs.
#
# mount(8) searches /sbin, /sbin/fs.d and /sbin/fs, and no PATH. So an installation into /usr or /usr/local puts the
# mount helpers where /sbin leads: on a merged /usr that is /usr/sbin, and a package must name it so, since dpkg loses
# files that reach one place by two names. A private prefix keeps to itself: nothing of it is found by mount(8).
set(root "$ENV{DESTDIR}")
set(prefix "${CMAKE_INSTALL_PREFIX}")
set(helper_dir "${prefix}/${sbindir}")
if(prefix STREQUAL "/usr" OR prefix STREQUAL "/usr/local")
  if(IS_SYMLINK "/sbin")
    set(helper_dir "/usr/sbin")
  else()
    set(helper_dir "/sbin")
  endif()
endif()

function(install_link target link)
  get_filename_component(folder "${root}${link}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  file(CREATE_LINK "${target}" "${root}${link}" SYMBOLIC)
  message(STATUS "Installing: ${root}${link} -> ${target}")
endfunction()

install_link("${prefix}/${bindir}/ciaosfs" "${helper_dir}/mount.fuse.ciaosfs")
install_link("${prefix}/${bindir}/ciaosfs" "${helper_dir}/mount.ciaosfs")
install_link("mkfs.ciaos" "${prefix}/${sbindir}/mkfs.fuse.ciaosfs")
install_link("fsck.ciaos" "${prefix}/${sbindir}/fsck.fuse.ciaosfs")

# man(1) finds each of them under its own name, too.
foreach(name mount.fuse.ciaosfs mount.ciaosfs)
  install_link("ciaosfs.8" "${prefix}/${mandir}/man8/${name}.8")
endforeach()
install_link("mkfs.ciaos.8" "${prefix}/${mandir}/man8/mkfs.fuse.ciaosfs.8")
install_link("fsck.ciaos.8" "${prefix}/${mandir}/man8/fsck.fuse.ciaosfs.8")
