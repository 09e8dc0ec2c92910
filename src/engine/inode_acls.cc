#include "engine/inode_acls.h"

#include <sys/stat.h>

#include "engine/rules.h"

namespace ciaos::engine {
namespace {

bool& known_absent(Inode& inode, std::string_view name) {
  return name == kAccessAclName ? inode.no_access_acl : inode.no_default_acl;
}

}  // namespace

Result<std::optional<Acl>> acl_of(Core& core, Inode& inode, std::string_view name) {
  if (known_absent(inode, name)) return std::optional<Acl>();
  const std::optional<meta::XattrRow> row = TRY(core.rows->xattr(inode.id, name));
  if (!row) {
    known_absent(inode, name) = true;
    return std::optional<Acl>();
  }
  Result<std::optional<Acl>> acl = decode_acl(row->value);
  if (!acl.ok() || !*acl) return fail(EUCLEAN, "no list in " + std::string(name));
  return acl;
}

void put_acl(Core& core, Inode& inode, std::string_view name, const std::optional<Acl>& acl) {
  const meta::XattrKey key{inode.id, std::string(name)};
  if (acl) {
    core.rows->put(key, meta::XattrRow{encode_acl(*acl)});
  } else if (!known_absent(inode, name)) {
    core.rows->erase(key);
  }
  known_absent(inode, name) = !acl;
}

Result<bool> set_acl(Core& core, const Caller& caller, Inode& inode, std::string_view name,
                     std::string_view value) {
  if (S_ISLNK(inode.row.mode)) return fail(EOPNOTSUPP);
  std::optional<Acl> acl = TRY(decode_acl(value));
  if (name == kDefaultAclName && !S_ISDIR(inode.row.mode)) {
    if (acl) return fail(EACCES);
    return false;
  }
  const std::uint32_t mode_before = inode.row.mode;
  if (name == kAccessAclName && acl) {
    inode.row.mode = (inode.row.mode & ~0777u) | permissions_of(*acl);
    if (!may_give_group(caller, inode.row.gid)) inode.row.mode &= ~static_cast<std::uint32_t>(S_ISGID);
    if (says_no_more_than_mode(*acl)) acl.reset();
  }
  if (!acl && inode.row.mode == mode_before && !TRY(acl_of(core, inode, name))) return false;
  put_acl(core, inode, name, acl);
  return true;
}

}  // namespace ciaos::engine
