#include "base/result.h"

#include <cstring>

namespace ciaos {

std::string to_string(const Error& error) {
  char buffer[128];
  const char* text = strerror_r(error.code, buffer, sizeof buffer);
  if (error.context.empty()) return text;
  return error.context + ": " + text;
}

Error with_context(Error error, const std::string& context) {
  error.context = error.context.empty() ? context : context + ": " + error.context;
  return error;
}

}  // namespace ciaos
