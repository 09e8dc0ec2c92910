// Objects: how bytes become one, and what is kept beside them.
#include <sys/stat.h>

#include <algorithm>

#include "engine/object_rows.h"
#include "engine/objects.h"
#include "engine/protection.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::NameRow;
using meta::XattrKey;
using meta::XattrRow;

constexpr std::size_t kLengthsPerRow = 6000;  // of at most 10 bytes each: one row takes them
constexpr std::uint64_t kRecordsPerObject = 8192 + kNotesBytesMax;

std::size_t bytes_of(const ObjectNotes& notes) {
  std::size_t bytes = notes.etag.size();
  for (const Labels* labels : {&notes.facts, &notes.labels}) {
    for (const auto& [name, value] : *labels) bytes += name.size() + value.size() + 8;
  }
  return bytes;
}

Status check_notes(const ObjectNotes& notes) {
  return bytes_of(notes) > kNotesBytesMax ? Status(fail(E2BIG, "notes of more than 32 KiB")) : Status{};
}

}  // namespace

Result<InodeId> Objects::stage(const ObjectOwner& owner) {
  TRY_VOID(check_writable());
  const Attributes made = TRY(names_.make_unnamed(caller_of(owner), kRootInode,
                                                  S_IFREG | (owner.file_mode & 07777), /*linkable=*/true));
  names_.unpin(made.inode, 1);  // one of the two is enough
  return made.inode;
}

void Objects::discard(InodeId staged) { names_.unpin(staged, 1); }

Result<std::uint64_t> Objects::stage_clone(InodeId from, std::uint64_t offset, std::uint64_t length,
                                           InodeId staged) {
  TRY_VOID(check_writable());
  const std::uint64_t end = [&]() -> std::uint64_t {
    const auto inode = core_.inodes->get(staged);
    if (!inode.ok()) return 0;
    ReaderLock lock((*inode)->mutex);
    return (*inode)->row.size;
  }();
  return files_.clone_range(
      {.from = from, .from_offset = offset, .to = staged, .to_offset = end, .length = length});
}

void Objects::put_notes(Inode& inode, const ObjectNotes& notes) {
  const NotesRow row{.change = inode.row.change, .notes = notes};
  core_.rows->put(XattrKey{inode.id, std::string(kNotesRow)}, XattrRow{encode_notes(row)});
}

// Rows of a file that nobody can see yet, so they may come over several batches; `ciaos.elements` makes them count.
Status Objects::put_elements(Inode& inode, const std::vector<std::uint64_t>& elements) {
  for (std::size_t at = 0, row = 0; at < elements.size(); at += kLengthsPerRow, ++row) {
    const std::size_t end = std::min(elements.size(), at + kLengthsPerRow);
    const std::vector<std::uint64_t> some(elements.begin() + static_cast<std::ptrdiff_t>(at),
                                          elements.begin() + static_cast<std::ptrdiff_t>(end));
    TRY_VOID(core_.committer->admit());
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    WriterLock lock(inode.mutex);
    core_.rows->put(XattrKey{inode.id, lengths_row_name(row)}, XattrRow{encode_lengths(some)});
  }
  return {};
}

Result<std::vector<std::uint64_t>> Objects::elements(InodeId id, std::size_t limit) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  const std::optional<XattrRow> head = TRY(core_.rows->xattr(id, kElementsRow));
  const std::optional<ElementsRow> row = head ? decode_elements(head->value) : std::nullopt;
  if (!row || row->change != inode->row.change) return std::vector<std::uint64_t>{inode->row.size};
  if (row->elements > limit) return fail(ENOTSUP, "too many elements");
  std::vector<std::uint64_t> lengths;
  for (std::uint64_t number = 0; number < row->rows; ++number) {
    const std::optional<XattrRow> part = TRY(core_.rows->xattr(id, lengths_row_name(number)));
    if (!part || !decode_lengths(part->value, lengths))
      return fail(EUCLEAN, "elements of a value do not decode");
  }
  std::uint64_t bytes = 0;
  for (const std::uint64_t length : lengths) bytes += length;
  if (lengths.size() != row->elements || bytes != inode->row.size)
    return fail(EUCLEAN, "elements of a value do not add up");
  return lengths;
}

// After the bytes of `elements` were added to a file that had `old_size` and `old_change`.
Status Objects::add_elements(Inode& inode, std::uint64_t old_size, std::uint64_t old_change,
                             const std::vector<std::uint64_t>& elements) {
  const std::optional<XattrRow> head = TRY(core_.rows->xattr(inode.id, kElementsRow));
  std::optional<ElementsRow> row = head ? decode_elements(head->value) : std::nullopt;
  std::vector<std::uint64_t> last;
  if (!row || row->change != old_change) {
    row = ElementsRow{.change = 0, .elements = 1, .rows = 1};
    last.push_back(old_size);
  } else if (row->rows > 0) {
    const std::optional<XattrRow> part = TRY(core_.rows->xattr(inode.id, lengths_row_name(row->rows - 1)));
    if (!part) return fail(EUCLEAN, "elements of a value are missing");
    if (part->value.size() < kLengthsBytesPerRow && !decode_lengths(part->value, last))
      return fail(EUCLEAN, "elements of a value do not decode");
    if (part->value.size() >= kLengthsBytesPerRow) ++row->rows;
  } else {
    row->rows = 1;
  }
  for (std::size_t at = 0; at < elements.size() || !last.empty();) {
    const std::size_t end =
        std::min(elements.size(), at + (kLengthsPerRow - std::min(last.size(), kLengthsPerRow)));
    last.insert(last.end(), elements.begin() + static_cast<std::ptrdiff_t>(at),
                elements.begin() + static_cast<std::ptrdiff_t>(end));
    core_.rows->put(XattrKey{inode.id, lengths_row_name(row->rows - 1)}, XattrRow{encode_lengths(last)});
    last.clear();
    at = end;
    if (at < elements.size()) ++row->rows;
  }
  row->elements += elements.size();
  row->change = inode.row.change;
  core_.rows->put(XattrKey{inode.id, std::string(kElementsRow)}, XattrRow{encode_elements(*row)});
  return {};
}

// ESTALE: the place is no longer a directory of the tree.
Result<ObjectInfo> Objects::link_staged(const Place& place, const Publish& publish) {
  TRY_VOID(names_.admit_new());
  TRY_VOID(core_.promise_space(kRecordsPerObject));
  core_.pool->release(kRecordsPerObject);
  const InodeRef staged = TRY(core_.inodes->get(publish.staged));
  if (!publish.elements.empty()) TRY_VOID(put_elements(*staged, publish.elements));
  InodeId replaced;
  InodeId doomed;
  ObjectInfo info;
  while (info.inode == InodeId{}) {
    auto row = look(place.directory, place.name);
    if (row.code() == ENOENT) return fail(ESTALE);
    const std::optional<NameRow> there = TRY(std::move(row));
    InodeRef target;
    if (there) {
      auto found = core_.inodes->get(there->child);
      if (found.code() == ENOENT) continue;
      target = TRY(std::move(found));
    }
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    InodeLocks locks{&*place.directory, &*staged, target ? &*target : nullptr};
    if (!place.directory->exists() || place.directory->row.links == 0) return fail(ESTALE);
    if (TRY(names_.find(place.directory->id, place.name)) != there || (target && !target->exists())) continue;
    if (target && S_ISDIR(target->row.mode)) return fail(EISDIR);
    if (target && !S_ISREG(target->row.mode)) return fail(EEXIST, "there is something that is no object");
    if (!publish.condition.empty()) {
      const std::optional<ObjectInfo> now =
          target ? std::optional(TRY(info_of(*target, /*notes=*/true))) : std::nullopt;
      TRY_VOID(check_condition(publish.condition, now ? &*now : nullptr));
    }
    TRY_VOID(target ? check_gives_away(place.directory->row, target->row)
                    : check_takes_names(place.directory->row));
    TRY_VOID(core_.quotas->move(*staged, *place.directory));
    staged->row.links = 1;
    core_.orphans.remove(staged->id);
    if (target) {
      replaced = target->id;
      if (names_.drop_link(*target)) doomed = target->id;
      names_.redirect_name(*place.directory, place.name, *there, *staged);
    } else {
      names_.add_name(*place.directory, place.name, *staged);
    }
    put_notes(*staged, publish.notes);
    if (!publish.elements.empty()) {
      const std::uint64_t rows = (publish.elements.size() + kLengthsPerRow - 1) / kLengthsPerRow;
      const ElementsRow head{.change = staged->row.change, .elements = publish.elements.size(), .rows = rows};
      core_.rows->put(XattrKey{staged->id, std::string(kElementsRow)}, XattrRow{encode_elements(head)});
    }
    names_.touch(*staged, /*contents=*/false);
    staged->row.modified = staged->row.changed;
    core_.rows->put(staged->id, staged->row);
    names_.touch(*place.directory, /*contents=*/true);
    info = TRY(info_of(*staged, /*notes=*/true));
  }
  tell_name(*place.directory, place.name);
  if (replaced != InodeId{}) tell_inode(replaced);
  // What cannot be freed now is found again at the next start.
  if (doomed != InodeId{}) (void)names_.destroy(doomed).ok();
  return info;
}

Result<ObjectInfo> Objects::publish(const Publish& publish) {
  ObjectInfo info = TRY(publish_soon(publish));
  TRY_VOID(make_durable(info.inode));
  return info;
}

Result<ObjectInfo> Objects::publish_soon(const Publish& publish) {
  const auto steps = [&]() -> Result<ObjectInfo> {
    TRY_VOID(check_notes(publish.notes));
    if (publish.path.key.empty() || publish.path.key.ends_with('/')) return fail(EISDIR);
    while (true) {
      const Place place = TRY(place_of(publish.path, Missing::make_implicit, publish.owner));
      auto linked = link_staged(place, publish);
      if (linked.code() != ESTALE) return linked;
    }
  };
  auto info = steps();
  names_.unpin(publish.staged, 1);
  if (!info.ok()) prune(publish.path);
  return info;
}

Result<ObjectInfo> Objects::append(const ObjectPath& path, InodeId staged,
                                   const std::vector<std::uint64_t>& elements) {
  const auto steps = [&]() -> Result<ObjectInfo> {
    TRY_VOID(core_.committer->admit());
    const InodeRef from = TRY(core_.inodes->get(staged));
    while (true) {
      const ObjectInfo there = TRY(lookup(path));
      auto found = core_.inodes->get(there.inode);
      if (found.code() == ENOENT) continue;
      const InodeRef to = TRY(std::move(found));
      TRY_VOID(core_.promise_space(kRecordsPerClone));
      auto appended = [&]() -> Result<ObjectInfo> {
        const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerClone));
        InodeLocks locks{&*from, &*to};
        if (!to->exists() || to->row.links == 0) return fail(ESTALE);
        const std::uint64_t size = to->row.size;
        const std::uint64_t change = to->row.change;
        if (from->row.size > kFileBytesMax - size) return fail(EFBIG);
        const std::uint64_t bytes = TRY(files_.clone_locked(
            *from, *to, {.from = staged, .to = to->id, .to_offset = size, .length = from->row.size}));
        if (bytes == 0) names_.touch(*to, /*contents=*/true);
        // More extents than one batch should carry are refused.
        const Status added = bytes != from->row.size ? Status(fail(EFBIG, "too much to append at once"))
                                                     : add_elements(*to, size, change, elements);
        if (!added.ok()) {
          TRY_VOID(files_.resize(*to, size));
          core_.rows->put(to->id, to->row);
          return added.error();
        }
        return info_of(*to, /*notes=*/true);
      }();
      core_.pool->release(kRecordsPerClone);
      if (appended.code() != ESTALE) return appended;
    }
  };
  auto info = steps();
  names_.unpin(staged, 1);
  if (!info.ok()) return info;
  tell_inode(info->inode);
  TRY_VOID(make_durable(info->inode));
  return info;
}

Result<ObjectInfo> Objects::put_directory(const ObjectPath& path, const ObjectOwner& owner,
                                          const ObjectNotes& notes) {
  TRY_VOID(check_writable());
  TRY_VOID(check_notes(notes));
  if (!path.key.ends_with('/')) return fail(EINVAL);
  while (true) {
    const Place place = TRY(place_of(path, Missing::make_implicit, owner));
    auto entered = enter(place.directory, place.name, Missing::make, owner);
    if (entered.code() == ENOENT) continue;
    const InodeRef inode = TRY(std::move(entered));
    ObjectInfo info;
    {
      const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
      WriterLock lock(inode->mutex);
      if (!inode->exists() || inode->row.links == 0) continue;
      inode->row.flags &= ~meta::kImplicitDirectory;
      put_notes(*inode, notes);
      names_.touch(*inode, /*contents=*/false);
      info = TRY(info_of(*inode, /*notes=*/true));
    }
    TRY_VOID(make_durable(inode->id));
    return info;
  }
}

Result<ObjectInfo> Objects::set_labels(const ObjectPath& path, const Labels& labels) {
  TRY_VOID(check_writable());
  while (true) {
    const ObjectInfo there = TRY(lookup(path));
    auto found = core_.inodes->get(there.inode);
    if (found.code() == ENOENT) continue;
    const InodeRef inode = TRY(std::move(found));
    TRY_VOID(core_.committer->admit());
    TRY_VOID(core_.promise_space(kRecordsPerObject));
    core_.pool->release(kRecordsPerObject);
    ObjectInfo info;
    {
      const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
      WriterLock lock(inode->mutex);
      if (!inode->exists() || inode->row.links == 0) continue;
      TRY_VOID(check_changeable(inode->row));
      info = TRY(info_of(*inode, /*notes=*/true));
      ObjectNotes notes = info.notes;
      if (notes.etag == etag_of_change(inode->id, inode->row.change)) notes.etag.clear();
      for (const auto& [name, value] : labels) {
        if (value.empty()) {
          notes.labels.erase(name);
        } else {
          notes.labels.insert_or_assign(name, value);
        }
      }
      TRY_VOID(check_notes(notes));
      put_notes(*inode, notes);
      names_.touch(*inode, /*contents=*/false);
      info = TRY(info_of(*inode, /*notes=*/true));
    }
    tell_inode(inode->id);
    TRY_VOID(make_durable(inode->id));
    return info;
  }
}

}  // namespace ciaos::engine
