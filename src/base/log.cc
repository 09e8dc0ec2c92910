#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

namespace ciaos {
namespace {

constexpr LogLevel kLevels[] = {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger> make_logger(LogTarget target, const char* name) {
  if (target == LogTarget::system_log) {
    auto sink = std::make_shared<spdlog::sinks::syslog_sink_mt>(name, LOG_PID, LOG_DAEMON, true);
    auto logger = std::make_shared<spdlog::logger>(name, sink);
    logger->set_pattern("%v");
    return logger;
  }
  auto logger = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%n: %l: %v");
  return logger;
}

std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger = make_logger(LogTarget::standard_error, "ciaosfs");
  return logger;
}

}  // namespace

void open_log(LogTarget target, LogLevel least, const char* name) {
  current() = make_logger(target, name);
  current()->set_level(level_of(least));
}

void set_log_level(LogLevel least) { current()->set_level(level_of(least)); }

LogLevel log_level() {
  for (const LogLevel level : kLevels) {
    if (level_of(level) == current()->level()) return level;
  }
  return LogLevel::info;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "error";
}

std::optional<LogLevel> log_level_named(std::string_view name) {
  for (const LogLevel level : kLevels) {
    if (name_of(level) == name) return level;
  }
  return std::nullopt;
}

void log_line(LogLevel level, std::string_view line) {
  current()->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace ciaos
