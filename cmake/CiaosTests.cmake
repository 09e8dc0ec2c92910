# Three kinds of tests, told apart by label:
#   unit   tests/<folder>/*_test.cc, one GoogleTest program per folder, in shards; ./check runs them under sanitizers
#   mount  tests/mount/*.sh, tests/sidecar/*.sh, tests/http/*.sh and tests/tools/*.sh, which run the built programs; exit code 77 is "cannot run here"
#   rules  tests/rules/*, which read the tree itself

find_package(GTest)
if(NOT GTest_FOUND)
  message(STATUS "Unit tests are not built: GoogleTest was not found")
endif()

# tests/support is linked before the library under test and names none itself, so that a test of `base` needs no
# working `engine`: only what a test uses is taken out of the archive.
function(ciaos_test_support)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.cc")
  if(sources)
    add_library(ciaos_test_support STATIC EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(ciaos_test_support PRIVATE ciaos_compiler)
    target_precompile_headers(ciaos_test_support PRIVATE ${CIAOS_PRECOMPILED_FOR_TESTS})
    set(scope PUBLIC)
  else()
    add_library(ciaos_test_support INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(ciaos_test_support ${scope}
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}")
  target_link_libraries(ciaos_test_support ${scope} GTest::gmock_main fmt::fmt)
endfunction()

set(CIAOS_TEST_SHARDS 4)
function(ciaos_unit_tests folder)
  file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.cc")
  if(NOT tests)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_executable(${folder}_test EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${folder}_test PRIVATE ciaos_test_support)
  if(folder STREQUAL "tools")
    target_link_libraries(${folder}_test PRIVATE ciaos_mkfs ciaos_fsck ciaos_ctl)
  elseif(folder STREQUAL "fuzz")
    target_link_libraries(${folder}_test PRIVATE ciaos_sidecar)
    target_compile_definitions(${folder}_test PRIVATE CIAOS_CORPUS="${PROJECT_SOURCE_DIR}/tests/fuzz/corpus")
  elseif(TARGET ciaos_${folder})
    target_link_libraries(${folder}_test PRIVATE ciaos_${folder})
  endif()
  if(NOT folder MATCHES "^(base|store|meta)$")
    target_link_libraries(${folder}_test PRIVATE ciaos_engine)
  endif()
  target_link_libraries(${folder}_test PRIVATE ciaos_compiler)
  if(CIAOS_SANITIZE)
    # Instrumented GoogleTest macros take more than twice as long to optimize as to compile; what they call is
    # in libraries, and those are optimized.
    target_compile_options(${folder}_test PRIVATE -O0)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GoogleTest's assertions are an if and an else; after an if without braces g++ takes that for an oversight.
    target_compile_options(${folder}_test PRIVATE -Wno-dangling-else)
  endif()
  target_precompile_headers(${folder}_test PRIVATE ${CIAOS_PRECOMPILED_FOR_TESTS})
  add_dependencies(unit_tests ${folder}_test)
  set_target_properties(${folder}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  # In a few processes and not one for each test: under sanitizers starting takes longer than most tests do.
  foreach(shard RANGE 1 ${CIAOS_TEST_SHARDS})
    math(EXPR index "${shard} - 1")
    add_test(NAME ${folder}.${shard} COMMAND ${folder}_test)
    set_tests_properties(${folder}.${shard} PROPERTIES
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${CIAOS_TEST_SHARDS};GTEST_SHARD_INDEX=${index}"
      LABELS unit TIMEOUT 900)
  endforeach()
endfunction()

# What tests/fuzzing runs. libFuzzer sees which code an input reaches, so everything is built for it: CIAOS_SANITIZE has
# fuzzer-no-link.
function(ciaos_fuzzers)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.cc")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  add_executable(fuzzers EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(fuzzers PRIVATE ciaos_test_support ciaos_sidecar ciaos_engine ciaos_compiler)
  target_link_options(fuzzers PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzzers PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endfunction()

add_custom_target(unit_tests)
if(GTest_FOUND)
  ciaos_test_support()
  file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true RELATIVE "${PROJECT_SOURCE_DIR}/tests" "tests/*")
  foreach(folder IN LISTS folders)
    if(NOT folder STREQUAL "support")
      ciaos_unit_tests(${folder})
    endif()
  endforeach()
  if(CIAOS_SANITIZE MATCHES "fuzzer-no-link")
    ciaos_fuzzers()
  endif()
endif()

file(GLOB scripts CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/tests" "tests/mount/*.sh" "tests/sidecar/*.sh" "tests/http/*.sh"
  "tests/tools/*.sh")
foreach(script IN LISTS scripts)
  # A file that starts with an underscore is sourced by others and is no test.
  if(script MATCHES "/_[^/]*$")
    continue()
  endif()
  string(REGEX REPLACE "\\.sh$" "" name "${script}")
  string(REPLACE "/" "." name "${name}")
  add_test(NAME ${name} COMMAND bash "${PROJECT_SOURCE_DIR}/tests/${script}")
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "CIAOSFS_BIN=${CMAKE_BINARY_DIR}/bin"
    SKIP_RETURN_CODE 77 LABELS mount TIMEOUT 300)
  # Each has folders, loop devices and a daemon of its own, so several may run at once; the long ones begin.
  if(script MATCHES "/(compare_with_xfs|fsck_repairs|memory_bound|space_returns|crash_keeps_what_was_synced)")
    set_tests_properties(${name} PROPERTIES COST 100)
  endif()
  # What these do to the kernel's caches or to its switch for rings the others of them would see.
  if(script MATCHES "/(basic|ctl|index_warm|passthrough|read_ahead|requests|rings|unnamed)\\.sh")
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK kernel)
  endif()
endforeach()

file(GLOB rules CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/tests/rules" "tests/rules/*_rule.py")
foreach(rule IN LISTS rules)
  string(REGEX REPLACE "_rule\\.py$" "" name "${rule}")
  add_test(NAME rules.${name} COMMAND python3 "${PROJECT_SOURCE_DIR}/tests/rules/${rule}" "${CMAKE_BINARY_DIR}")
  set_tests_properties(rules.${name} PROPERTIES SKIP_RETURN_CODE 77 LABELS rules TIMEOUT 600)
endforeach()
