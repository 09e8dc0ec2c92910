# How every translation unit of this project is compiled. Nothing here is machine-specific (no -march=native):
# code that wants SSE4.2 or ARMv8 CRC selects it at run time, so one package serves every processor.

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # TRY is a statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

# No -DNDEBUG: assertions are for our own mistakes and stay on in release.
# -g1 has what backtraces, perf and sanitizers read. To describe variables as well, -g takes a third longer; who wants
# them in a debugger says CMAKE_CXX_FLAGS=-g.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
# For g++ -Og and not -O1: with sanitizers it then takes half as long, and the code is as fast. For clang they are one.
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")

find_program(CIAOS_CCACHE ccache)
if(CIAOS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CIAOS_CCACHE}")
endif()

set(CIAOS_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them: address,undefined or thread")
option(CIAOS_WERROR "Treat warnings as errors" ON)

add_library(ciaos_compiler INTERFACE)
target_compile_options(ciaos_compiler INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wcast-qual -Wundef -Wvla -Wimplicit-fallthrough -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wmaybe-uninitialized: g++ 12 takes the value of a std::variant (Result) that holds an error for one that is read.
  target_compile_options(ciaos_compiler INTERFACE -Wlogical-op -Wduplicated-cond -Wno-maybe-uninitialized)
else()
  target_compile_options(ciaos_compiler INTERFACE -Wthread-safety -Wno-unused-command-line-argument)
endif()
# Precompiled headers hide a forgotten #include, so only sanitized builds have them, where compiling is slowest; the
# build that is shipped finds what is missing.
if(CIAOS_SANITIZE)
  set(CIAOS_PRECOMPILED
    <fmt/format.h> <algorithm> <array> <atomic> <condition_variable> <cstddef> <cstdint> <functional> <map> <memory>
    <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
  set(CIAOS_PRECOMPILED_FOR_TESTS ${CIAOS_PRECOMPILED} <gtest/gtest.h> <gmock/gmock.h>)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # Compared by content, so that ccache finds them again.
    target_compile_options(ciaos_compiler INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
if(CIAOS_WERROR)
  target_compile_options(ciaos_compiler INTERFACE -Werror)
endif()
if(CIAOS_SANITIZE)
  target_compile_options(ciaos_compiler INTERFACE
    -fsanitize=${CIAOS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ciaos_compiler INTERFACE -fsanitize=${CIAOS_SANITIZE})
endif()
