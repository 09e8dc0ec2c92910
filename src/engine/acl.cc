#include "engine/acl.h"

#include <algorithm>

#include "base/bytes.h"

namespace ciaos::engine {
namespace {

constexpr std::uint32_t kAclVersion = 2;        // POSIX_ACL_XATTR_VERSION
constexpr std::uint32_t kNobody = 0xFFFF'FFFF;  // ACL_UNDEFINED_ID, and no user's or group's number
constexpr std::uint32_t kPermissionBits = 0777;

bool names_somebody(AclTag tag) { return tag == AclTag::user || tag == AclTag::group; }

bool is_known(AclTag tag) {
  switch (tag) {
    case AclTag::owner:
    case AclTag::user:
    case AclTag::owning_group:
    case AclTag::group:
    case AclTag::mask:
    case AclTag::other: return true;
  }
  return false;
}

AclEntry* find(Acl& acl, AclTag tag) {
  const auto found = std::find_if(acl.begin(), acl.end(), [&](const AclEntry& e) { return e.tag == tag; });
  return found == acl.end() ? nullptr : &*found;
}

// The tags' numbers rise in the order that is wanted, so a list is valid when they do, when each part that there is one of
// comes once, and when the parts that there must be are there. As posix_acl_valid() of the kernel, which does not mind a
// user who is named twice.
Status check(const Acl& acl) {
  bool mask_wanted = false;
  std::uint32_t seen = 0;
  for (const AclEntry& entry : acl) {
    const auto tag = static_cast<std::uint32_t>(entry.tag);
    if (!is_known(entry.tag) || entry.permissions > 7) return fail(EINVAL);
    if (seen > 2 * tag - 1 || ((seen & tag) != 0 && !names_somebody(entry.tag))) return fail(EINVAL);
    if (names_somebody(entry.tag) && entry.id == kNobody) return fail(EINVAL);
    mask_wanted |= names_somebody(entry.tag);
    seen |= tag;
  }
  const auto has = [&](AclTag tag) { return (seen & static_cast<std::uint32_t>(tag)) != 0; };
  if (!has(AclTag::owner) || !has(AclTag::owning_group) || !has(AclTag::other)) return fail(EINVAL);
  if (mask_wanted && !has(AclTag::mask)) return fail(EINVAL);
  return {};
}

// The entry behind the group's bits of the mode.
AclEntry& group_class(Acl& acl) {
  AclEntry* mask = find(acl, AclTag::mask);
  return mask != nullptr ? *mask : *find(acl, AclTag::owning_group);
}

}  // namespace

Result<std::optional<Acl>> decode_acl(std::string_view xattr) {
  ByteReader reader(as_bytes(xattr));
  const auto version = reader.number<std::uint32_t>();
  if (!reader.ok()) return fail(EINVAL);
  if (version != kAclVersion) return fail(EOPNOTSUPP);
  Acl acl;
  while (!reader.at_end()) {
    AclEntry entry;
    entry.tag = static_cast<AclTag>(reader.number<std::uint16_t>());
    entry.permissions = reader.number<std::uint16_t>();
    entry.id = reader.number<std::uint32_t>();
    if (!reader.ok()) return fail(EINVAL);
    if (!names_somebody(entry.tag)) entry.id = 0;
    acl.push_back(entry);
  }
  if (acl.empty()) return std::optional<Acl>();
  TRY_VOID(check(acl));
  return std::optional(std::move(acl));
}

std::string encode_acl(const Acl& acl) {
  ByteWriter writer;
  writer.number(kAclVersion);
  for (const AclEntry& entry : acl) {
    writer.number(static_cast<std::uint16_t>(entry.tag));
    writer.number(entry.permissions);
    writer.number(names_somebody(entry.tag) ? entry.id : kNobody);
  }
  return std::string(as_text(writer.buffer()));
}

std::uint32_t permissions_of(const Acl& acl) {
  std::uint32_t owner = 0, owning_group = 0, other = 0;
  std::optional<std::uint32_t> mask;
  for (const AclEntry& entry : acl) {
    switch (entry.tag) {
      case AclTag::owner: owner = entry.permissions; break;
      case AclTag::owning_group: owning_group = entry.permissions; break;
      case AclTag::mask: mask = entry.permissions; break;
      case AclTag::other: other = entry.permissions; break;
      case AclTag::user:
      case AclTag::group: break;
    }
  }
  return owner << 6 | mask.value_or(owning_group) << 3 | other;
}

bool says_no_more_than_mode(const Acl& acl) {
  return std::none_of(acl.begin(), acl.end(), [](const AclEntry& entry) {
    return names_somebody(entry.tag) || entry.tag == AclTag::mask;
  });
}

void apply_mode(Acl& acl, std::uint32_t mode) {
  find(acl, AclTag::owner)->permissions = mode >> 6 & 7;
  group_class(acl).permissions = mode >> 3 & 7;
  find(acl, AclTag::other)->permissions = mode & 7;
}

Inherited inherit(Acl acl, std::uint32_t mode) {
  const std::uint32_t both = permissions_of(acl) & mode;
  apply_mode(acl, both);
  Inherited result;
  result.mode = (mode & ~kPermissionBits) | both;
  if (!says_no_more_than_mode(acl)) result.access = std::move(acl);
  return result;
}

}  // namespace ciaos::engine
