#include "engine/quota_attributes.h"

#include <charconv>
#include <optional>

#include "meta/quota_row.h"

namespace ciaos::engine {
namespace {

constexpr std::string_view kPrefix = "trusted.ciaos.";
constexpr std::string_view kLimitOfBytes = "trusted.ciaos.quota.bytes";
constexpr std::string_view kLimitOfFiles = "trusted.ciaos.quota.files";
constexpr std::string_view kBytes = "trusted.ciaos.usage.bytes";
constexpr std::string_view kFiles = "trusted.ciaos.usage.files";

bool is_limit(std::string_view name) { return name == kLimitOfBytes || name == kLimitOfFiles; }

std::uint64_t& limit_in(meta::QuotaRow& row, std::string_view name) {
  return name == kLimitOfBytes ? row.bytes_max : row.files_max;
}

bool is_root(const Inode& inode) { return inode.quota && inode.row.quota_root == inode.id; }

std::optional<std::uint64_t> number_in(std::string_view text, bool with_suffix) {
  constexpr std::string_view kSuffixes = "KMGT";
  unsigned shift = 0;
  if (with_suffix && !text.empty()) {
    const std::size_t suffix = kSuffixes.find(static_cast<char>(text.back() & ~0x20));
    if (suffix != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(suffix) + 1);
      text.remove_suffix(1);
    }
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number > static_cast<std::uint64_t>(INT64_MAX) >> shift) return std::nullopt;
  return number << shift;
}

Status set_limit(Core& core, Inode& inode, std::string_view name, std::uint64_t value) {
  if (!is_root(inode)) {
    if (value == 0) return {};
    if (inode.row.entries > 0) return fail(ENOTEMPTY);
    core.quotas->begin(inode);
  }
  meta::QuotaRow row = core.quotas->row_of(*inode.quota);
  limit_in(row, name) = value;
  core.quotas->set_limits(inode, row.bytes_max, row.files_max);
  core.quotas->end_if_unused(inode);
  return {};
}

}  // namespace

bool is_quota_name(std::string_view name) { return name.starts_with(kPrefix); }

Result<std::string> get_quota(Core& core, const Inode& inode, std::string_view name) {
  if (!is_root(inode)) return fail(ENODATA);
  meta::QuotaRow row = core.quotas->row_of(*inode.quota);
  if (name == kBytes) return std::to_string(row.bytes);
  if (name == kFiles) return std::to_string(row.files);
  if (!is_limit(name) || limit_in(row, name) == 0) return fail(ENODATA);
  return std::to_string(limit_in(row, name));
}

Status set_quota(Core& core, Inode& inode, std::string_view name, std::string_view value, XattrMode mode) {
  if (name == kBytes || name == kFiles) return fail(EPERM);
  if (!is_limit(name)) return fail(EINVAL);
  if (!inode.is_directory()) return fail(ENOTDIR);
  if (inode.row.links == 0) return fail(ENOENT);
  const std::optional<std::uint64_t> number = number_in(value, name == kLimitOfBytes);
  if (!number || (inode.quota && !is_root(inode))) return fail(EINVAL);
  const bool there = get_quota(core, inode, name).ok();
  if (there && mode == XattrMode::create) return fail(EEXIST);
  if (!there && mode == XattrMode::replace) return fail(ENODATA);
  return set_limit(core, inode, name, *number);
}

Status remove_quota(Core& core, Inode& inode, std::string_view name) {
  if (name == kBytes || name == kFiles) return fail(EPERM);
  if (!is_limit(name) || !get_quota(core, inode, name).ok()) return fail(ENODATA);
  return set_limit(core, inode, name, 0);
}

}  // namespace ciaos::engine
