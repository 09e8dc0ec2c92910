// Access control lists as Linux understands them (the withdrawn POSIX.1e, acl(5), fs/posix_acl.c). Pure.
//
// A list is kept as the extended attribute in which the kernel hands it over: a version, then 8 bytes per entry. The
// kernel checks permissions with it; what is decided here is how a list and a mode stay in step: the owner's and
// the others' bits are the same in both, and the group's bits of the mode are the mask, or the group's entry
// where there is no mask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciaos::engine {

inline constexpr std::string_view kAccessAclName = "system.posix_acl_access";
// Of a directory: what is made in it begins with.
inline constexpr std::string_view kDefaultAclName = "system.posix_acl_default";

inline bool is_acl_name(std::string_view name) { return name == kAccessAclName || name == kDefaultAclName; }

enum class AclTag : std::uint16_t { owner = 1, user = 2, owning_group = 4, group = 8, mask = 16, other = 32 };

struct AclEntry {
  AclTag tag{};
  std::uint16_t permissions = 0;  // of 7
  std::uint32_t id = 0;           // of a user or a group; 0 for the other tags
  bool operator==(const AclEntry&) const = default;
};

// A valid list, in the kernel's order: owner, users, owning group, groups, mask, other. Users and groups want a mask.
using Acl = std::vector<AclEntry>;

// Nothing: a list without entries, which is how a list is taken away. EOPNOTSUPP for a version that is not known, EINVAL
// for a list that is not valid.
Result<std::optional<Acl>> decode_acl(std::string_view xattr);
std::string encode_acl(const Acl& acl);

// The nine permission bits that say the same as the list, or as much of it as they can.
std::uint32_t permissions_of(const Acl& acl);
// Whether those bits say all of it; then there is no need to keep the list.
bool says_no_more_than_mode(const Acl& acl);
// After chmod(2): the bits of `mode` that stand for owner, mask and others.
void apply_mode(Acl& acl, std::uint32_t mode);

struct Inherited {
  std::uint32_t mode = 0;
  std::optional<Acl> access;  // absent where the mode says it all
};
// What a new inode gets in a directory with the default list `acl`, when its maker asked for `mode`. The umask plays no
// part.
Inherited inherit(Acl acl, std::uint32_t mode);

}  // namespace ciaos::engine
