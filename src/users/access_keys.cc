#include "users/access_keys.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/assert.h"
#include "base/unique_fd.h"

namespace ciaos::users {
namespace {

constexpr std::size_t kUserNameBytesMax = 63;
constexpr std::size_t kAccessKeyCharacters = 20;
constexpr std::size_t kSecretCharacters = 40;

std::optional<std::uint32_t> number_of(std::string_view text, int base) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// One word behind the user's name; false: not known.
bool take_word(std::string_view word, AccessKey& key) {
  if (word == "disabled") return key.disabled = true;
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (name == "uid") return (key.uid = number_of(value, 10)).has_value();
  if (name == "gid") return (key.gid = number_of(value, 10)).has_value();
  if (name == "file-mode")
    return (key.file_mode = number_of(value, 8)).has_value() && *key.file_mode <= 07777;
  if (name == "directory-mode")
    return (key.directory_mode = number_of(value, 8)).has_value() && *key.directory_mode <= 07777;
  return false;
}

std::string line_text(const NewKey& made, const AccessKey& key) {
  std::string line = made.access_key + " " + made.secret + " " + key.user;
  if (key.disabled) line += " disabled";
  if (key.uid) line += fmt::format(" uid={}", *key.uid);
  if (key.gid) line += fmt::format(" gid={}", *key.gid);
  if (key.file_mode) line += fmt::format(" file-mode={:04o}", *key.file_mode);
  if (key.directory_mode) line += fmt::format(" directory-mode={:04o}", *key.directory_mode);
  return line + "\n";
}

// Each character one of 32 or 64, so that every byte of chance gives one.
std::string random_text(std::size_t characters, std::string_view alphabet) {
  std::string bytes(characters, '\0');
  CIAOS_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::ranges::transform(bytes, bytes.begin(),
                         [&](char c) { return alphabet[static_cast<unsigned char>(c) % alphabet.size()]; });
  return bytes;
}

NewKey new_key() {
  return {random_text(kAccessKeyCharacters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
          random_text(kSecretCharacters, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")};
}

Result<std::string> contents(int fd, const std::string& path) {
  std::string text;
  std::array<char, 4096> bytes{};
  while (true) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0) return fail(errno, path);
    if (got == 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

// Of whom a line is about; empty: a comment, or none.
std::string user_of(std::string_view line) {
  const std::vector<Line> lines = lines_of(line);
  return lines.empty() || lines[0].words.size() < 3 ? std::string() : lines[0].words[2];
}

// Another file takes its place, so that who reads meanwhile sees the one or the other. `change` gets the lines, each with its
// end.
Status edit(const std::string& path, const std::function<Status(std::vector<std::string>&)>& change) {
  const std::string folder = path.find('/') == std::string::npos ? "." : path.substr(0, path.rfind('/') + 1);
  const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return fail(errno, folder);
  // Two at once, each with a file of its own, would lose one's change.
  if (::flock(directory.get(), LOCK_EX) != 0) return fail(errno, folder);
  struct stat about {};
  std::string text;
  {
    const UniqueFd old(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!old.valid() && errno != ENOENT) return fail(errno, path);
    if (old.valid()) {
      if (::fstat(old.get(), &about) != 0) return fail(errno, path);
      text = TRY(contents(old.get(), path));
    }
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  TRY(parse_keys(text));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at += lines.back().size())
    lines.push_back(text.substr(at, text.find('\n', at) - at + 1));
  TRY_VOID(change(lines));
  text.clear();
  for (const std::string& line : lines) text += line;

  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno, beside);
  const bool existed = about.st_nlink > 0;
  if (existed &&
      (::fchown(fd.get(), about.st_uid, about.st_gid) != 0 || ::fchmod(fd.get(), about.st_mode & 07777) != 0))
    return fail(errno, beside);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(fd.get()) != 0)
    return fail(errno == 0 ? ENOSPC : errno, beside);
  if (::rename(beside.c_str(), path.c_str()) != 0 || ::fsync(directory.get()) != 0) return fail(errno, path);
  return {};
}

}  // namespace

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    std::vector<std::string> words;
    while (true) {
      const std::size_t begin = line.find_first_not_of(" \t\r");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      words.emplace_back(line.substr(0, line.find_first_of(" \t\r")));
      line.remove_prefix(words.back().size());
    }
    if (!words.empty()) lines.push_back({number, std::move(words)});
  }
  return lines;
}

Result<AccessKeys> parse_keys(std::string_view text) {
  AccessKeys keys;
  for (const auto& [number, words] : lines_of(text)) {
    AccessKey key;
    bool good = words.size() >= 3;
    if (good) {
      key.secret = words[1];
      key.user = words[2];
      good =
          std::all_of(words.begin() + 3, words.end(), [&](const auto& word) { return take_word(word, key); });
    }
    if (!good) return fail(EINVAL, fmt::format("line {}: not ACCESS-KEY SECRET USER", number));
    if (!keys.emplace(words[0], key).second)
      return fail(EINVAL, fmt::format("line {}: the same access key again", number));
  }
  return keys;
}

Result<std::string> read_secrets(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about {};
  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) return fail(errno, path);
  // A file of root's may be for a service's group to read; systemd's credentials look like that too.
  if ((about.st_mode & (about.st_uid == 0 ? 037 : 077)) != 0)
    return fail(EPERM, path + ": others may read it (chmod 600)");
  return contents(fd.get(), path);
}

bool is_user_name(std::string_view name) {
  return !name.empty() && name.size() <= kUserNameBytesMax && !name.starts_with('.') &&
         std::ranges::all_of(name,
                             [](char c) { return c > ' ' && c < 0x7F && c != '/' && c != '#' && c != ':'; });
}

Result<NewKey> add_user(const std::string& path, const AccessKey& user) {
  if (!is_user_name(user.user)) return fail(EINVAL, user.user + ": not a name for a user");
  const NewKey made = new_key();
  TRY_VOID(edit(path, [&](std::vector<std::string>& lines) -> Status {
    const bool there =
        std::ranges::any_of(lines, [&](const auto& line) { return user_of(line) == user.user; });
    if (there) return fail(EEXIST, user.user);
    lines.push_back(line_text(made, user));
    return {};
  }));
  return made;
}

Status disable_user(const std::string& path, const std::string& name) {
  return edit(path, [&](std::vector<std::string>& lines) -> Status {
    bool found = false;
    for (std::string& line : lines) {
      if (user_of(line) != name) continue;
      found = true;
      const std::vector<std::string> words = lines_of(line)[0].words;
      AccessKey key = parse_keys(line).value().at(words[0]);
      key.disabled = true;
      line = line_text({words[0], words[1]}, key);
    }
    return found ? Status() : Status(fail(ENOENT, name));
  });
}

Result<NewKey> rotate_user(const std::string& path, const std::string& name) {
  const NewKey made = new_key();
  TRY_VOID(edit(path, [&](std::vector<std::string>& lines) -> Status {
    const auto first = std::ranges::find_if(lines, [&](const auto& line) { return user_of(line) == name; });
    if (first == lines.end()) return fail(ENOENT, name);
    AccessKey key = parse_keys(*first).value().begin()->second;
    key.disabled = false;
    std::erase_if(lines, [&](const auto& line) { return user_of(line) == name; });
    lines.push_back(line_text(made, key));
    return {};
  }));
  return made;
}

void KeyRing::set(AccessKeys keys) {
  auto shared = std::make_shared<const AccessKeys>(std::move(keys));
  MutexLock lock(mutex_);
  keys_ = std::move(shared);
}

std::shared_ptr<const AccessKeys> KeyRing::now() const {
  MutexLock lock(mutex_);
  return keys_;
}

std::optional<AccessKey> KeyRing::find(const std::string& access_key) const {
  const auto keys = now();
  const auto found = keys->find(access_key);
  if (found == keys->end() || found->second.disabled) return std::nullopt;
  return found->second;
}

bool KeyRing::has_user(const std::string& name) const {
  const auto keys = now();
  return std::ranges::any_of(*keys, [&](const auto& key) { return key.second.user == name; });
}

}  // namespace ciaos::users
