# ciaos_library(<name> SOURCES <folder> LINKS <targets...> [EXCEPTIONS])
#
# One static library ciaos_<name> per folder, of all its .cc files but main.cc, so that a test links what the program
# links. A folder without sources yet is an INTERFACE library: its neighbours and its tests configure all the same.
# Libraries are built without exceptions unless they say EXCEPTIONS.
function(ciaos_library name)
  cmake_parse_arguments(arg "EXCEPTIONS" "SOURCES" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${arg_SOURCES}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    add_library(ciaos_${name} INTERFACE)
    target_include_directories(ciaos_${name} INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}")
    target_link_libraries(ciaos_${name} INTERFACE ${arg_LINKS})
    return()
  endif()
  add_library(ciaos_${name} STATIC ${sources})
  target_include_directories(ciaos_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}")
  target_link_libraries(ciaos_${name} PUBLIC ${arg_LINKS} PRIVATE ciaos_compiler)
  target_compile_definitions(ciaos_${name} PRIVATE CIAOS_VERSION="${PROJECT_VERSION}")
  if(NOT arg_EXCEPTIONS)
    target_compile_options(ciaos_${name} PRIVATE -fno-exceptions)
  endif()
  target_precompile_headers(ciaos_${name} PRIVATE ${CIAOS_PRECOMPILED})
  if(CIAOS_SANITIZE)
    # Half the time of building, as for precompiled headers. So no two files of a folder have a name in common.
    set_target_properties(ciaos_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# ciaos_program(<name> MAIN <file> LINKS <targets...>): <build>/bin/<name>, part of the target `programs`.
function(ciaos_program name)
  cmake_parse_arguments(arg "" "MAIN" "LINKS" ${ARGN})
  file(GLOB main CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${arg_MAIN}")
  if(NOT main)
    message(STATUS "${name} is not built: there is no ${arg_MAIN}")
    return()
  endif()
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} ciaos_compiler)
  target_compile_definitions(${name} PRIVATE CIAOS_VERSION="${PROJECT_VERSION}")
  add_dependencies(programs ${name})
endfunction()

# ciaos_flatbuffer(<name> <schema>): the <schema>_generated.h of a FlatBuffers schema, for ciaos_<name> and who links it.
# A system header to the compiler: its warnings are not ours to mend.
function(ciaos_flatbuffer name schema)
  get_filename_component(stem "${schema}" NAME_WE)
  set(folder "${PROJECT_BINARY_DIR}/generated/${name}")
  set(output "${folder}/${stem}_generated.h")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${FLATC}" --cpp --gen-object-api -o "${folder}" "${PROJECT_SOURCE_DIR}/${schema}"
    DEPENDS "${PROJECT_SOURCE_DIR}/${schema}" VERBATIM)
  add_custom_target(${name}_generated DEPENDS "${output}")
  add_dependencies(ciaos_${name} ${name}_generated)
  target_include_directories(ciaos_${name} SYSTEM PUBLIC "${folder}")
endfunction()

# ciaos_page_files(<name> <folder>): the files of a folder, in ciaos_<name> itself.
function(ciaos_page_files name folder)
  file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*")
  set(output "${PROJECT_BINARY_DIR}/generated/${name}/page_files.cc")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DFOLDER=${PROJECT_SOURCE_DIR}/${folder}"
      -P "${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake"
    DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake" VERBATIM)
  target_sources(ciaos_${name} PRIVATE "${output}")
endfunction()
