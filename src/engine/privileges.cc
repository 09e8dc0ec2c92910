#include "engine/privileges.h"

#include "engine/rules.h"

namespace ciaos::engine {

Status learn_capability(Rows& rows, Inode& inode) {
  if (inode.capability != Capability::unknown) return {};
  const bool there = TRY(rows.xattr(inode.id, kCapabilityXattr)).has_value();
  inode.capability = there ? Capability::present : Capability::absent;
  return {};
}

void drop_privileges(Rows& rows, Inode& inode, bool clears_set_id) {
  CIAOS_ASSERT(inode.capability != Capability::unknown);
  if (clears_set_id) inode.row.mode = without_set_id(inode.row.mode);
  if (inode.capability == Capability::absent) return;
  rows.erase(meta::XattrKey{inode.id, std::string(kCapabilityXattr)});
  inode.capability = Capability::absent;
}

}  // namespace ciaos::engine
