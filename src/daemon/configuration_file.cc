#include "daemon/configuration_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

// The library that Debian builds throws.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "base/unique_fd.h"

namespace ciaos::daemon {
namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;

Result<std::string> read_whole(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail(errno, path);
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno, path);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kFileBytesMax)
      return fail(EFBIG, fmt::format("{}: over a megabyte is no configuration", path));
  }
}

std::string place(const std::string& path, const toml::source_region& region) {
  return fmt::format("{}:{}", path, region.begin.line);
}

Result<std::string> text_of(const toml::node& value) {
  if (const auto number = value.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto flag = value.value_exact<bool>()) return std::string(*flag ? "true" : "false");
  if (const auto text = value.value_exact<std::string>()) return *text;
  return fail(EINVAL, "is a number, a text, true or false");
}

Result<std::vector<Setting>> settings_in(const toml::table& table, const std::string& path) {
  std::vector<std::pair<toml::source_index, Setting>> found;
  for (const auto& [key, value] : table) {
    const std::string source = place(path, key.source());
    auto text = text_of(value);
    if (!text) return with_context(text.error(), fmt::format("{}: {}", source, key.str()));
    found.emplace_back(key.source().begin.line, Setting{std::string(key.str()), *std::move(text), source});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Setting> settings;
  for (auto& [line, setting] : found) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace

Result<std::vector<Setting>> read_configuration(const std::string& path) {
  const std::string text = TRY(read_whole(path));
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    return fail(EINVAL,
                fmt::format("{}: {}", place(path, parsed.error().source()), parsed.error().description()));
  }
  std::vector<Setting> settings;
  for (const auto& [name, value] : parsed.table()) {
    const toml::table* table = value.as_table();
    if (table == nullptr) {
      return fail(EINVAL, fmt::format("{}: {} belongs into a table, such as [mount]",
                                      place(path, name.source()), name.str()));
    }
    if (name.str() == "mount") {
      settings = TRY(settings_in(*table, path));
    } else {
      return fail(EINVAL, fmt::format("{}: there is no table [{}]", place(path, name.source()), name.str()));
    }
  }
  return settings;
}

}  // namespace ciaos::daemon
