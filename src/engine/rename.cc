// rename(2), with NOREPLACE, EXCHANGE and WHITEOUT.
#include <sys/stat.h>

#include "engine/names.h"
#include "engine/protection.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::NameKey;
using meta::NameRow;

}  // namespace

Status Names::check_no_cycle(InodeId moved, InodeId new_parent) {
  // Parents only change under renaming_, which the caller holds, so no lock on the way up is needed at once.
  InodeId at = new_parent;
  while (at != kRootInode && at != InodeId{}) {
    if (at == moved) return fail(EINVAL);
    at = TRY(parent_of(at));
  }
  return {};
}

Status Names::rename(const Rename& rename) {
  TRY_VOID(check_name(rename.name));
  TRY_VOID(check_name(rename.new_name));
  if (rename.exchange && (rename.no_replace || rename.whiteout)) return fail(EINVAL);
  TRY_VOID(admit_new());
  InodeId doomed;
  {
    MutexLock one_at_a_time(renaming_);
    doomed = TRY(rename_locked(rename));
  }
  return doomed == InodeId{} ? Status{} : destroy(doomed);
}

namespace {

// What may be replaced by what.
Status check_replaces(const Inode& source, const Inode& target) {
  if (source.is_directory() && !target.is_directory()) return fail(ENOTDIR);
  if (!source.is_directory() && target.is_directory()) return fail(EISDIR);
  if (target.is_directory() && target.row.entries > 0) return fail(ENOTEMPTY);
  return {};
}

}  // namespace

// Returns the inode that lost its last name and is not pinned, or 0.
Result<InodeId> Names::rename_locked(const Rename& r) {
  const InodeRef from = TRY(core_.inodes->get(r.parent));
  const InodeRef to = TRY(core_.inodes->get(r.new_parent));
  while (true) {
    const auto find_locked = [&](const InodeRef& directory,
                                 std::string_view name) -> Result<std::optional<NameRow>> {
      ReaderLock lock(directory->mutex);
      if (!directory->exists()) return fail(ENOENT);
      if (!directory->is_directory()) return fail(ENOTDIR);
      return find(directory->id, name);
    };
    const std::optional<NameRow> source_row = TRY(find_locked(from, r.name));
    if (!source_row) return fail(ENOENT);
    const std::optional<NameRow> target_row = TRY(find_locked(to, r.new_name));
    if (r.exchange && !target_row) return fail(ENOENT);
    if (r.no_replace && target_row) return fail(EEXIST);
    const InodeRef source = TRY(child_of(*from, r.name, *source_row));
    const InodeRef target = target_row ? TRY(child_of(*to, r.new_name, *target_row)) : InodeRef();
    if (!source || (target_row && !target)) continue;
    if (source->is_directory()) TRY_VOID(check_no_cycle(source->id, r.new_parent));
    if (r.exchange && target->is_directory()) TRY_VOID(check_no_cycle(target->id, r.parent));
    // A directory above what moves is not empty, whatever else is wrong with the pair.
    if (target && target->is_directory() && check_no_cycle(target->id, r.parent).code() == EINVAL)
      return fail(ENOTEMPTY);

    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    InodeLocks locks{&*from, &*to, &*source, target ? &*target : nullptr};
    const std::optional<NameRow> source_now = TRY(find(r.parent, r.name));
    const std::optional<NameRow> target_now = TRY(find(r.new_parent, r.new_name));
    if (source_now != source_row || target_now != target_row)
      continue;  // changed before the locks were there
    if (!source->exists() || (target && !target->exists())) continue;
    if (to->row.links == 0) return fail(ENOENT);
    if (target && target->id == source->id) return InodeId{};  // two names of one inode: nothing happens
    if (!same_tree(*to, *source) || (r.exchange && !same_tree(*from, *target))) return fail(EXDEV);
    TRY_VOID(check_gives_away(from->row, source->row));
    TRY_VOID(target ? check_gives_away(to->row, target->row) : check_takes_names(to->row));
    if (r.exchange) {
      exchange(r, *source_row, *target_row, from, to, source, target);
      return InodeId{};
    }
    if (target) TRY_VOID(check_replaces(*source, *target));
    if (!target && source->is_directory() && from->id != to->id && to->row.links >= kLinksMax)
      return fail(EMLINK);
    const InodeRef whiteout =
        r.whiteout ? TRY(make_inode(r.caller, *from, {.mode = S_IFCHR}, /*pins=*/0)) : InodeRef();
    bool last_link = false;
    if (target) {
      if (target->is_directory()) --to->row.links;
      last_link = drop_link(*target);
    }
    if (whiteout) {
      redirect_name(*from, r.name, *source_row, *whiteout);
    } else {
      remove_name(*from, r.name);
    }
    if (source->is_directory()) --from->row.links;
    // A name that is replaced was there throughout: it keeps its position, so that a listing shows it once. A new name takes
    // that of the old one, or who renames everything that readdir returns would never come to an end.
    if (target) {
      redirect_name(*to, r.new_name, *target_row, *source);
    } else if (from->id == to->id && !whiteout) {
      redirect_name(*to, r.new_name, *source_row, *source);
      ++to->row.entries;
    } else {
      add_name(*to, r.new_name, *source);
    }
    if (source->is_directory()) source->row.parent = to->id;
    touch(*source, /*contents=*/false);
    touch(*from, /*contents=*/true);
    if (to->id != from->id) touch(*to, /*contents=*/true);
    return last_link ? target->id : InodeId{};
  }
}

void Names::exchange(const Rename& r, const NameRow& from_row, const NameRow& to_row, const InodeRef& from,
                     const InodeRef& to, const InodeRef& source, const InodeRef& target) {
  if (source->is_directory()) --from->row.links;
  if (target->is_directory()) --to->row.links;
  redirect_name(*from, r.name, from_row, *target);
  redirect_name(*to, r.new_name, to_row, *source);
  if (source->is_directory()) source->row.parent = to->id;
  if (target->is_directory()) target->row.parent = from->id;
  touch(*source, /*contents=*/false);
  touch(*target, /*contents=*/false);
  touch(*from, /*contents=*/true);
  if (to->id != from->id) touch(*to, /*contents=*/true);
}

}  // namespace ciaos::engine
