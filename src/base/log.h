// One line to the log. Who logs an error ends it there: an error that is returned is not logged as well.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ciaos {

enum class LogLevel { debug, info, warning, error };
enum class LogTarget { standard_error, system_log };

// Where lines go, and the least level that is written. Standard error and `info` until it is called.
// Not thread-safe: call it before threads start. `name` must outlive the process (a literal).
void open_log(LogTarget target, LogLevel least, const char* name);
// Thread-safe, from here on. The least level that is written, from now on.
void set_log_level(LogLevel least);
LogLevel log_level();
// "debug", "info", "warning", "error".
std::string_view name_of(LogLevel level);
std::optional<LogLevel> log_level_named(std::string_view name);
void log_line(LogLevel level, std::string_view line);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ciaos
