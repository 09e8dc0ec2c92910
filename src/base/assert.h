// Assertions are for our own mistakes and stay on in release builds: a filesystem that goes on after one
// would write its confusion to the disk. Bytes from a device or a peer are never asserted, they are checked.
#pragma once

namespace ciaos {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define CIAOS_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::ciaos::assertion_failed(#expression, __FILE__, __LINE__))
