#include "engine/damage_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/unique_fd.h"

namespace ciaos::engine {
namespace {

constexpr std::string_view kHead =
    "# error\tinode\toffset\tbytes\tvolume\tgeneration\tvolume-offset\tdevice-offset\tdevice\tpath\n";
constexpr std::size_t kNumbers = 7;  // columns between the error and the device
constexpr std::size_t kListBytesMax = 64u << 20;

// A path may hold anything but NUL; tabs, line ends and backslashes are written as /proc/mounts does.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t' || c == '\n' || c == '\\') {
      out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    unsigned char c = 0;
    const std::string_view digits = text.substr(at + 1, 3);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), c, 8);
    if (digits.size() != 3 || error != std::errc() || end != digits.data() + 3) return fail(EINVAL);
    out += static_cast<char>(c);
    at += 3;
  }
  return out;
}

std::string_view word_of(int code) {
  return code == EUCLEAN ? "wrong-bytes" : code == EIO ? "no-read" : "gone";
}

std::string_view take(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find('\t'));
  line.remove_prefix(std::min(line.size(), field.size() + 1));
  return field;
}

Result<Damage> decode_line(std::string_view line) {
  Damage damage;
  const std::string_view word = take(line);
  for (const int code : {EUCLEAN, EIO, ENOENT}) {
    if (word == word_of(code)) damage.code = code;
  }
  if (damage.code == 0) return fail(EINVAL);
  std::array<std::uint64_t, kNumbers> numbers{};
  for (std::uint64_t& number : numbers) {
    const std::string_view field = take(line);
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (field.empty() || error != std::errc() || end != field.data() + field.size()) return fail(EINVAL);
  }
  if (numbers[3] > UINT32_MAX || numbers[4] > UINT32_MAX) return fail(EINVAL);
  damage.inode = InodeId(numbers[0]);
  damage.file_offset = numbers[1];
  damage.length = numbers[2];
  damage.at = {VolumeId(static_cast<std::uint32_t>(numbers[3])),
               Generation(static_cast<std::uint32_t>(numbers[4])), numbers[5]};
  damage.device_offset = numbers[6];
  damage.device = TRY(unescaped(take(line)));
  damage.path = TRY(unescaped(take(line)));
  if (!line.empty()) return fail(EINVAL);
  return damage;
}

Result<std::string> bytes_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return fail(errno, path);
  std::string bytes;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0) return fail(errno, path);
    if (count == 0) return bytes;
    bytes.append(piece.data(), static_cast<std::size_t>(count));
    if (bytes.size() > kListBytesMax) return fail(EINVAL, path);
  }
}

// All of it or the old file.
Status write_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  {
    const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return fail(errno, fresh);
    while (!text.empty()) {
      const ssize_t count = ::write(fd.get(), text.data(), text.size());
      if (count < 0) return fail(errno, fresh);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(fd.get()) != 0) return fail(errno, fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail(errno, path);
  return {};
}

}  // namespace

std::string encode_damages(const std::vector<Damage>& damages) {
  std::string text(kHead);
  for (const Damage& damage : damages) {
    text +=
        fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", word_of(damage.code), damage.inode.value(),
                    damage.file_offset, damage.length, damage.at.volume.value(), damage.at.generation.value(),
                    damage.at.offset, damage.device_offset, escaped(damage.device), escaped(damage.path));
  }
  return text;
}

Result<std::vector<Damage>> decode_damages(std::string_view text) {
  if (!text.starts_with(kHead)) return fail(EINVAL);
  text.remove_prefix(kHead.size());
  std::vector<Damage> damages;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || damages.size() == DamageList::kKeptMax) return fail(EINVAL);
    damages.push_back(TRY(decode_line(text.substr(0, end))));
    text.remove_prefix(end + 1);
  }
  return damages;
}

std::string describe(const Damage& damage) {
  return fmt::format("{} (inode {}), {} bytes at {}: {}; volume {} at {}, {} at {}",
                     damage.path.empty() ? "a file without a name" : damage.path, damage.inode.value(),
                     damage.length, damage.file_offset, std::strerror(damage.code), damage.at.volume.value(),
                     damage.at.offset, damage.device, damage.device_offset);
}

void DamageList::load(std::string path) {
  const auto bytes = bytes_of(path);
  auto damages = bytes.ok() ? decode_damages(*bytes) : Result<std::vector<Damage>>(bytes.error());
  if (!damages.ok() && damages.code() != ENOENT) {
    log(LogLevel::warning, "the list of damages begins anew, {} cannot be used: {}", path,
        to_string(damages.error()));
  }
  MutexLock lock(mutex_);
  path_ = std::move(path);
  if (damages.ok()) damages_ = {damages->begin(), damages->end()};
}

std::vector<Damage> DamageList::replace(VolumeId volume, std::uint64_t begin, std::uint64_t end,
                                        const std::vector<Damage>& found) {
  MutexLock lock(mutex_);
  const std::set<Damage> now(found.begin(), found.end());
  const auto healed = [&](const Damage& known) {
    return known.at.volume == volume && known.at.offset >= begin && known.at.offset < end &&
           !now.contains(known);
  };
  changed_ |= std::erase_if(damages_, healed) > 0;
  std::vector<Damage> fresh;
  for (const Damage& damage : now) {
    if (damages_.contains(damage)) continue;
    if (damages_.size() == kKeptMax) {
      if (!std::exchange(full_, true))
        log(LogLevel::error, "{} damages are known, more are not listed", kKeptMax);
      break;
    }
    damages_.insert(damage);
    fresh.push_back(damage);
    changed_ = true;
  }
  return fresh;
}

void DamageList::keep_only(const std::set<std::pair<VolumeId, Generation>>& kept) {
  MutexLock lock(mutex_);
  changed_ |= std::erase_if(damages_, [&](const Damage& damage) {
                return !kept.contains({damage.at.volume, damage.at.generation});
              }) > 0;
}

Status DamageList::save() {
  std::string path;
  {
    MutexLock lock(mutex_);
    if (!changed_ || path_.empty()) return {};
    changed_ = false;
    path = path_;
  }
  return write_file(path, text());
}

std::size_t DamageList::count() const {
  MutexLock lock(mutex_);
  return damages_.size();
}

std::map<VolumeId, std::uint64_t> DamageList::by_volume() const {
  MutexLock lock(mutex_);
  std::map<VolumeId, std::uint64_t> counts;
  for (const Damage& damage : damages_) ++counts[damage.at.volume];
  return counts;
}

std::string DamageList::text() const {
  MutexLock lock(mutex_);
  return encode_damages({damages_.begin(), damages_.end()});
}

}  // namespace ciaos::engine
