#include "engine/object_keys.h"

#include <fmt/core.h>

#include <algorithm>

#include "engine/rules.h"

namespace ciaos::engine {
namespace {

bool names(const std::vector<std::string>& etags, const ObjectInfo& info) {
  return std::ranges::any_of(etags, [&](const std::string& e) { return e == "*" || e == info.notes.etag; });
}

}  // namespace

std::string etag_of_change(InodeId inode, std::uint64_t change) {
  return fmt::format("i-{:x}-{:x}", inode.value(), change);
}

Status check_bucket(std::string_view bucket) {
  if (bucket.starts_with(kReservedPrefix)) return fail(EINVAL, "a reserved name");
  return check_name(bucket);
}

Result<KeyParts> split_key(const ObjectPath& path) {
  if (path.key.size() > kKeyBytesMax) return fail(ENAMETOOLONG, "a key of more than 1024 bytes");
  KeyParts parts;
  std::string_view rest = path.key;
  parts.directory = rest.empty() || rest.ends_with('/');
  if (rest.empty()) {
    parts.name = path.bucket;
    return parts;
  }
  if (parts.directory) rest.remove_suffix(1);
  parts.directories.push_back(path.bucket);
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    TRY_VOID(check_name(component));
    if (slash == std::string_view::npos) {
      parts.name = component;
      return parts;
    }
    parts.directories.push_back(component);
    rest.remove_prefix(slash + 1);
  }
}

Status check_condition(const ObjectCondition& condition, const ObjectInfo* info) {
  if (condition.absent && info != nullptr) return fail(EEXIST);
  if (!condition.if_match.empty() && (info == nullptr || !names(condition.if_match, *info)))
    return fail(info == nullptr ? ENOENT : ECANCELED);
  if (info != nullptr && names(condition.if_none_match, *info)) return fail(ECANCELED);
  return {};
}

}  // namespace ciaos::engine
