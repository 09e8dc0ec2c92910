// Verbs on keys. A bucket is a directory in the root, a key the path of a regular file below it; symlinks are never followed.
//
// Bytes come in through a *staged* file: one without a name, which a crash frees. publish() makes it the object in one step,
// so a reader sees the old object or the new one, and who had the old one open goes on reading it. Directories that are missing
// on the way are made and marked as implicit; remove() and rename() take those away again that they leave empty.
//
// Errors besides those of the underlying verbs: ENOENT no such object, or its bucket is missing (ENXIO); ENOTDIR a part of the
// key is an object itself; EISDIR the key is a directory; EEXIST and ECANCELED a condition does not hold; EINVAL, ENAMETOOLONG
// the key is no path (object_keys.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/files.h"
#include "engine/names.h"
#include "engine/object_keys.h"
#include "engine/object_types.h"

namespace ciaos::engine {

// Thread-safe. What changes something is durable when it returns, unless it says otherwise.
class Objects {
 public:
  Objects(Core& core, Files& files, Names& names) : core_(core), files_(files), names_(names) {}

  // --- buckets ---
  // EEXIST if there is one.
  Status create_bucket(std::string_view bucket, const ObjectOwner& owner, const Labels& labels);
  // ENOTEMPTY while it holds anything but empty implicit directories.
  Status remove_bucket(std::string_view bucket);
  // Directories in the root, in byte order of their names.
  Result<ObjectPage> buckets(std::string_view start_after, std::size_t limit);

  // --- reading ---
  // An empty key asks for the bucket.
  Result<ObjectInfo> lookup(const ObjectPath& path);
  // lookup() of a file that keeps it readable, also when it is replaced, until Engine::release().
  Result<ObjectInfo> open(const ObjectPath& path);
  Result<ObjectPage> list(const ObjectList& list);
  // Lengths of a native value's elements; their sum is its size. A file that no native verb wrote is one element.
  // ENOTSUP: more than `limit`.
  Result<std::vector<std::uint64_t>> elements(InodeId inode, std::size_t limit);

  // --- staging: nothing of it is durable, or visible ---
  // A file for Engine::write(). The caller ends it with publish(), append() or discard().
  Result<InodeId> stage(const ObjectOwner& owner);
  void discard(InodeId staged);
  // Adds bytes of an open object to a staged file by reference. At most 4,096 extents a call: how many bytes were done.
  Result<std::uint64_t> stage_clone(InodeId from, std::uint64_t offset, std::uint64_t length, InodeId staged);

  struct Publish {
    ObjectPath path;
    InodeId staged;  // discarded when the verb fails
    ObjectOwner owner;
    ObjectNotes notes;
    std::vector<std::uint64_t> elements;  // empty: the bytes are one
    ObjectCondition condition;
  };
  Result<ObjectInfo> publish(const Publish& publish);
  // The staged bytes become `elements` of an existing value, behind those it has. ENOENT. The staged file is discarded.
  Result<ObjectInfo> append(const ObjectPath& path, InodeId staged,
                            const std::vector<std::uint64_t>& elements);
  // A key that ends in "/": the directory itself is the object from now on.
  Result<ObjectInfo> put_directory(const ObjectPath& path, const ObjectOwner& owner,
                                   const ObjectNotes& notes);

  // --- changing ---
  Status remove(const ObjectPath& path, const ObjectCondition& condition);
  // EEXIST if `to` is there; the same key twice does nothing.
  Status rename(const ObjectPath& from, const ObjectPath& to, const ObjectOwner& owner);
  // Labels with an empty value are taken away; others stay as they are.
  Result<ObjectInfo> set_labels(const ObjectPath& path, const Labels& labels);

  // --- multipart uploads: parts are hidden files, which a crash keeps; completing them copies nothing ---
  struct UploadId {
    std::string bucket;
    std::string id;
  };
  struct UploadEntry {
    std::string id;
    std::string key;
    ObjectInfo info;  // `modified` is when it began
  };
  struct Part {
    std::uint32_t number = 0;  // from 1 on
    ObjectInfo info;
  };
  Result<UploadId> create_upload(const ObjectPath& path, const Labels& labels);
  Result<UploadEntry> upload(const UploadId& id);
  // In order of key and id, the whole bucket's.
  Result<std::vector<UploadEntry>> uploads(std::string_view bucket, std::size_t limit);
  // Replaces the part of that number. Its staged file is discarded when the verb fails.
  Result<ObjectInfo> put_part(const UploadId& id, std::uint32_t number, InodeId staged,
                              const ObjectNotes& notes);
  // Above `after`, in order.
  Result<std::vector<Part>> parts(const UploadId& id, std::uint32_t after, std::size_t limit);
  struct Complete {
    UploadId id;
    std::vector<Part> parts;  // number and info.notes.etag say which; EBADMSG when one is not so
    Publish publish;          // `staged` is not looked at
  };
  Result<ObjectInfo> complete_upload(const Complete& complete);
  Status abort_upload(const UploadId& id);

 private:
  friend class ObjectWalk;
  enum class Missing { fail, make_implicit, make };
  struct Place {
    InodeRef directory;
    std::string name;
  };

  Status check_writable() const { return core_.read_only() ? Status(fail(EROFS)) : Status(); }
  Result<std::optional<meta::NameRow>> look(const InodeRef& directory, std::string_view name);
  Result<InodeRef> enter(const InodeRef& directory, std::string_view name, Missing missing,
                         const ObjectOwner& owner);
  Result<InodeRef> bucket_directory(std::string_view bucket);
  Result<Place> place_of(const ObjectPath& path, Missing missing, const ObjectOwner& owner);
  // The inode of a key, and what is known of it; pinned if `pin`.
  Result<ObjectInfo> info_at(const InodeRef& directory, std::string_view name, bool wants_directory,
                             bool pin);
  // The inode locked, shared is enough.
  Result<ObjectInfo> info_of(const Inode& inode, bool notes);
  std::optional<ObjectInfo> info_if_there(InodeId id, bool notes);

  // LOCKED, as in Files.
  void put_notes(Inode& inode, const ObjectNotes& notes);
  Status put_elements(Inode& inode, const std::vector<std::uint64_t>& elements);
  Status add_elements(Inode& inode, std::uint64_t old_size, std::uint64_t old_change,
                      const std::vector<std::uint64_t>& elements);

  // The file gets the name, atomically; not yet durable. Repeats `place` when its directory went meanwhile.
  Result<ObjectInfo> publish_soon(const Publish& publish);  // durable with the next commit
  Result<ObjectInfo> link_staged(const Place& place, const Publish& publish);
  Status make_durable(InodeId inode);
  // Removes a name if `may` says so of the inode behind it: of what is known only under the locks.
  Status remove_at(const InodeRef& directory, std::string_view name,
                   const std::function<Status(const Inode&)>& may);
  void prune(const ObjectPath& path);
  Status remove_implicit_below(InodeId directory, int depth);
  Result<InodeRef> uploads_directory(std::string_view bucket, Missing missing);
  Result<InodeRef> upload_directory(const UploadId& id);
  Status remove_upload(const UploadId& id);

  void tell_name(const Inode& directory, std::string_view name);
  void tell_inode(InodeId inode);

  Core& core_;
  Files& files_;
  Names& names_;
};

// Who makes what an object's owner is to own.
Caller caller_of(const ObjectOwner& owner);

}  // namespace ciaos::engine
