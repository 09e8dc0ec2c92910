#include "tools/fsck/lost_found.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "meta/first_rows.h"

namespace ciaos::fsck {
namespace {

// `wanted`, or with a number behind it if that is taken.
Result<meta::NameKey> free_name(RowEdits& edits, InodeId directory, const std::string& wanted) {
  meta::NameKey key{directory, wanted};
  for (int attempt = 2; TRY(edits.name(key)); ++attempt) key.name = fmt::format("{}-{}", wanted, attempt);
  return key;
}

Result<InodeId> lost_found(RowEdits& edits) {
  if (const auto name = TRY(edits.name({kRootInode, kLostFound}))) {
    const meta::InodeRow* const row = TRY(edits.inode(name->child));
    if (row != nullptr && S_ISDIR(row->mode)) return name->child;
  }
  const meta::NameKey key = TRY(free_name(edits, kRootInode, kLostFound));
  const meta::InodeRow root = *TRY(edits.inode(kRootInode));
  meta::InodeRow row;
  row.mode = S_IFDIR | 0700;
  row.links = 2;
  row.accessed = row.modified = row.changed = row.born = root.modified;
  row.parent = kRootInode;
  row.next_position = meta::kFirstPosition;
  const InodeId made = edits.make_inode(row);
  TRY_VOID(edits.add_name(key, made, DT_DIR));
  return made;
}

}  // namespace

Status connect(RowEdits& edits, InodeId inode) {
  const meta::InodeRow* const root = TRY(edits.inode(kRootInode));
  if (root == nullptr || !S_ISDIR(root->mode)) return {};
  const InodeId directory = TRY(lost_found(edits));
  const meta::NameKey key = TRY(free_name(edits, directory, fmt::format("#{}", inode.value())));
  meta::InodeRow* const row = TRY(edits.inode(inode));
  CIAOS_ASSERT(row != nullptr);
  if (S_ISDIR(row->mode)) row->parent = directory;
  return edits.add_name(key, inode, static_cast<std::uint8_t>(IFTODT(row->mode)));
}

}  // namespace ciaos::fsck
