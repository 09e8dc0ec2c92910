// Objects: uploads in parts. An upload is a directory in /.ciaos-uploads/BUCKET, its parts are files there, named by their
// numbers. Completing it clones their extents into one file (rows, not bytes), publishes that, and removes the directory.
#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "base/uuid.h"
#include "engine/objects.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

constexpr const char* kKeyLabel = "upload.key";
constexpr std::size_t kPartsPerRead = 256;
// The mount shows them to root alone.
constexpr ObjectOwner kHiddenOwner{.uid = 0, .gid = 0, .file_mode = 0600, .directory_mode = 0700};

std::string part_name(std::uint32_t number) { return fmt::format("{:05}", number); }

std::uint32_t part_number(std::string_view name) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size() ? number : 0;
}

Status check_upload_id(std::string_view id) {
  const bool hex = id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hex ? Status{} : Status(fail(ENOENT));
}

}  // namespace

Result<InodeRef> Objects::uploads_directory(std::string_view bucket, Missing missing) {
  TRY_VOID(check_bucket(bucket));
  InodeRef directory = TRY(core_.inodes->get(kRootInode));
  for (const std::string_view name : {kUploadsDirectory, bucket})
    directory = TRY(enter(directory, name, missing, kHiddenOwner));
  return directory;
}

Result<InodeRef> Objects::upload_directory(const UploadId& id) {
  TRY_VOID(check_upload_id(id.id));
  const InodeRef all = TRY(uploads_directory(id.bucket, Missing::fail));
  return enter(all, id.id, Missing::fail, kHiddenOwner);
}

Result<Objects::UploadId> Objects::create_upload(const ObjectPath& path, const Labels& labels) {
  TRY_VOID(check_writable());
  const KeyParts parts = TRY(split_key(path));
  if (parts.directory) return fail(EISDIR);
  TRY_VOID(bucket_directory(path.bucket));
  UploadId id{path.bucket, fmt::format("{:016x}{:016x}", random_u64(), random_u64())};
  const InodeRef all = TRY(uploads_directory(path.bucket, Missing::make));
  const InodeRef directory = TRY(enter(all, id.id, Missing::make, kHiddenOwner));
  ObjectNotes notes;
  notes.labels = labels;
  notes.labels.insert_or_assign(kKeyLabel, path.key);
  {
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    WriterLock lock(directory->mutex);
    if (!directory->exists()) return fail(ENOENT);
    put_notes(*directory, notes);
    names_.touch(*directory, /*contents=*/false);
  }
  TRY_VOID(make_durable(directory->id));
  return id;
}

Result<Objects::UploadEntry> Objects::upload(const UploadId& id) {
  const InodeRef directory = TRY(upload_directory(id));
  ReaderLock lock(directory->mutex);
  if (!directory->exists()) return fail(ENOENT);
  UploadEntry entry{.id = id.id, .key = {}, .info = TRY(info_of(*directory, /*notes=*/true))};
  entry.info.modified = directory->row.born;
  entry.key = entry.info.notes.labels[kKeyLabel];
  entry.info.notes.labels.erase(kKeyLabel);
  if (entry.key.empty()) return fail(ENOENT);  // a crash between its two steps
  return entry;
}

Result<std::vector<Objects::UploadEntry>> Objects::uploads(std::string_view bucket, std::size_t limit) {
  TRY_VOID(bucket_directory(bucket));
  std::vector<UploadEntry> all;
  auto found = uploads_directory(bucket, Missing::fail);
  if (found.code() == ENOENT) return all;
  const InodeRef directory = TRY(std::move(found));
  std::string from;
  while (all.size() < limit) {
    std::vector<meta::NameEntry> names;
    {
      ReaderLock lock(directory->mutex);
      names = TRY(core_.rows->names_from(directory->id, from, kPartsPerRead));
    }
    for (const meta::NameEntry& name : names) {
      auto entry = upload({std::string(bucket), name.name});
      if (entry.ok() && all.size() < limit) all.push_back(*std::move(entry));
    }
    if (names.size() < kPartsPerRead) break;
    from = names.back().name + '\0';
  }
  std::ranges::sort(all, [](const UploadEntry& a, const UploadEntry& b) {
    return std::tie(a.key, a.id) < std::tie(b.key, b.id);
  });
  return all;
}

Result<ObjectInfo> Objects::put_part(const UploadId& id, std::uint32_t number, InodeId staged,
                                     const ObjectNotes& notes) {
  auto info = [&]() -> Result<ObjectInfo> {
    if (number < 1 || number > kPartsMax) return fail(EINVAL, "part numbers are 1 to 10,000");
    Place place{TRY(upload_directory(id)), part_name(number)};
    auto linked = link_staged(
        place, {.path = {}, .staged = staged, .owner = {}, .notes = notes, .elements = {}, .condition = {}});
    return linked.code() == ESTALE ? Result<ObjectInfo>(fail(ENOENT)) : std::move(linked);
  }();
  names_.unpin(staged, 1);
  if (info.ok()) TRY_VOID(make_durable(info->inode));
  return info;
}

Result<std::vector<Objects::Part>> Objects::parts(const UploadId& id, std::uint32_t after,
                                                  std::size_t limit) {
  const InodeRef directory = TRY(upload_directory(id));
  std::vector<Part> parts;
  std::string from = part_name(after) + '\0';
  while (parts.size() < limit) {
    std::vector<meta::NameEntry> names;
    {
      ReaderLock lock(directory->mutex);
      if (!directory->exists()) return fail(ENOENT);
      names = TRY(core_.rows->names_from(directory->id, from, std::min(limit - parts.size(), kPartsPerRead)));
    }
    if (names.empty()) break;
    from = names.back().name + '\0';
    for (const meta::NameEntry& name : names) {
      auto info = info_if_there(name.row.child, /*notes=*/true);
      if (info) parts.push_back({.number = part_number(name.name), .info = *std::move(info)});
    }
  }
  return parts;
}

Result<ObjectInfo> Objects::complete_upload(const Complete& complete) {
  TRY_VOID(check_writable());
  const InodeRef directory = TRY(upload_directory(complete.id));
  if (TRY(upload(complete.id)).key != complete.publish.path.key) return fail(ENOENT);
  Publish publish = complete.publish;
  publish.staged = TRY(stage(publish.owner));
  const auto join = [&]() -> Status {
    std::uint64_t offset = 0;
    for (const Part& wanted : complete.parts) {
      const ObjectInfo part =
          TRY(info_at(directory, part_name(wanted.number), /*wants_directory=*/false, /*pin=*/true));
      const auto clone = [&]() -> Status {
        if (part.notes.etag != wanted.info.notes.etag) return fail(EBADMSG);
        for (std::uint64_t done = 0; done < part.size;) {
          const std::uint64_t bytes = TRY(files_.clone_range({.from = part.inode,
                                                              .from_offset = done,
                                                              .to = publish.staged,
                                                              .to_offset = offset + done,
                                                              .length = part.size - done}));
          if (bytes == 0) return fail(EBADMSG, "a part grew shorter");
          done += bytes;
        }
        offset += part.size;
        return {};
      };
      const Status cloned = clone();
      names_.unpin(part.inode, 1);
      if (!cloned.ok()) return cloned;
    }
    return {};
  };
  const Status joined = join();
  if (!joined.ok()) {
    discard(publish.staged);
    return joined.code() == ENOENT ? fail(EBADMSG) : joined.error();
  }
  ObjectInfo info = TRY(publish_soon(publish));
  // In the same commit: a crash behind it must not leave the parts, which nobody would look for any more.
  (void)remove_upload(complete.id).ok();
  TRY_VOID(core_.committer->commit());
  return info;
}

Status Objects::remove_upload(const UploadId& id) {
  const InodeRef all = TRY(uploads_directory(id.bucket, Missing::fail));
  const InodeRef directory = TRY(upload_directory(id));
  // Without its key it is an upload no more, whatever becomes of the steps that follow.
  {
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    WriterLock lock(directory->mutex);
    if (!directory->exists()) return fail(ENOENT);
    put_notes(*directory, {});
  }
  const auto any = [](const Inode&) -> Status { return {}; };
  while (true) {
    std::vector<meta::NameEntry> names;
    {
      ReaderLock lock(directory->mutex);
      names = TRY(core_.rows->names_from(directory->id, "", kPartsPerRead));
    }
    for (const meta::NameEntry& name : names) {
      const Status removed = remove_at(directory, name.name, any);
      if (!removed.ok() && removed.code() != ENOENT) return removed;
    }
    if (!names.empty()) continue;
    const Status removed = remove_at(all, id.id, any);
    if (removed.code() != ENOTEMPTY) return removed;  // else a part came in between
  }
}

Status Objects::abort_upload(const UploadId& id) {
  TRY_VOID(check_writable());
  TRY_VOID(upload(id));
  TRY_VOID(remove_upload(id));
  return core_.committer->commit();
}

}  // namespace ciaos::engine
