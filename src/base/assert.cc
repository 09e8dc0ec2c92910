#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ciaos {

void assertion_failed(const char* expression, const char* file, int line) {
  // No logger: whatever broke may be the logger's too.
  std::fprintf(stderr, "ciaosfs: %s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace ciaos
