// A program's end of the local protocol: the engine's verbs on keys, over a connection that many threads share.
//
// Each call waits for its own reply, while others are under way. Errors are those of the verbs (engine/objects.h), and of the
// connection: ENOTCONN it ended, before or during the call; ETIMEDOUT no reply came in time, and the connection is given up.
// What a connection had open or staged ends with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/object_types.h"
#include "rpc/lease_cache.h"
#include "rpc/protocol.h"

namespace ciaos::rpc {

// A memory file and where it is mapped here. Not thread-safe.
class Memory {
 public:
  static Result<Memory> make(std::size_t bytes);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();
  MutableByteSpan bytes() const { return bytes_; }
  int fd() const { return fd_.get(); }

 private:
  Memory(UniqueFd fd, MutableByteSpan bytes) : fd_(std::move(fd)), bytes_(bytes) {}
  UniqueFd fd_;
  MutableByteSpan bytes_;
};

struct Opened {
  engine::ObjectInfo info;
  InodeId handle;         // 0: nothing is open, all of it was read
  std::size_t bytes = 0;  // read into the memory
};

struct UploadInfo {
  std::string id;
  std::string key;
  engine::ObjectInfo info;
};
struct UploadPage {
  std::vector<UploadInfo> uploads;
  bool more = false;
};
struct PartInfo {
  std::uint32_t number = 0;
  engine::ObjectInfo info;
};
struct PartPage {
  std::vector<PartInfo> parts;
  bool more = false;
};

// What publish(), append() and put_part() take their bytes from: a staged file, or memory.
struct Source {
  InodeId staged;
  const Memory* memory = nullptr;
  std::uint64_t length = 0;    // bytes at the start of the memory
  std::uint64_t elements = 0;  // their lengths, u64 each, behind them
};

// Thread-safe.
class Client {
 public:
  // ENOENT, ECONNREFUSED: nobody listens. EACCES: the daemon speaks with other users. EPROTONOSUPPORT.
  static Result<std::unique_ptr<Client>> connect(const std::string& path, std::uint64_t timeout_ms);
  ~Client();
  bool connected() const;
  // The socket of the daemon that has `store` open, or has mounted it there, among those that are where sockets usually are.
  // ENOENT.
  static Result<std::string> find_socket(const std::string& store);
  static std::vector<std::string> usual_sockets();  // all that answer
  // Paths of the devices of its store.
  const std::vector<std::string>& stores() const { return stores_; }
  const std::string& mountpoint() const { return mountpoint_; }
  // From now on bytes are read from the volumes, and what is said of objects is remembered. Before the first verb. The calling
  // thread of a verb that has to wait, for the daemon or a device, calls `before_waiting`.
  void use_leases(std::function<void()> before_waiting);
  pid_t peer_pid() const;  // the daemon's

  Status create_bucket(const std::string& bucket, const engine::ObjectOwner& owner,
                       const engine::Labels& labels);
  Status remove_bucket(const std::string& bucket);
  Result<engine::ObjectPage> buckets(const std::string& start_after, std::size_t limit);

  // What was told lately is answered from memory, as long as the daemon's marks say that it holds. So is open() of what fits
  // `length` as a whole; its bytes, as those of read(), come from the volumes where that can be (lease_cache.h).
  Result<engine::ObjectInfo> lookup(const engine::ObjectPath& path);
  // Reads up to `length` bytes from `offset` into `memory`, if there is one.
  Result<Opened> open(const engine::ObjectPath& path, const Memory* memory, std::uint64_t offset,
                      std::uint64_t length);
  void close(InodeId handle);
  Result<std::size_t> read(InodeId handle, std::uint64_t offset, std::uint64_t length, const Memory& memory);
  Result<engine::ObjectPage> list(const engine::ObjectList& list);
  Result<std::vector<std::uint64_t>> elements(InodeId handle);

  Result<InodeId> stage(const engine::ObjectOwner& owner);
  Status write(InodeId staged, std::uint64_t offset, const Memory& memory, std::uint64_t length);
  void discard(InodeId staged);
  Result<std::uint64_t> clone(InodeId from, std::uint64_t offset, std::uint64_t length, InodeId staged);

  struct Publish {
    engine::ObjectPath path;
    Source source;
    engine::ObjectOwner owner;
    engine::ObjectNotes notes;
    engine::ObjectCondition condition;
  };
  Result<engine::ObjectInfo> publish(const Publish& publish);
  Result<engine::ObjectInfo> append(const engine::ObjectPath& path, const Source& source,
                                    const engine::ObjectOwner& owner);
  Result<engine::ObjectInfo> put_directory(const engine::ObjectPath& path, const engine::ObjectOwner& owner,
                                           const engine::ObjectNotes& notes);

  Status remove(const engine::ObjectPath& path, const engine::ObjectCondition& condition);
  Status rename(const engine::ObjectPath& from, const engine::ObjectPath& to,
                const engine::ObjectOwner& owner);
  Result<engine::ObjectInfo> set_labels(const engine::ObjectPath& path, const engine::Labels& labels);

  Result<std::string> create_upload(const engine::ObjectPath& path, const engine::Labels& labels);
  Result<UploadInfo> upload(const std::string& bucket, const std::string& id);
  Result<UploadPage> uploads(const std::string& bucket, const std::string& prefix,
                             const std::string& after_key, const std::string& after_id, std::size_t limit);
  Result<engine::ObjectInfo> put_part(const std::string& bucket, const std::string& id, std::uint32_t number,
                                      const Source& source, const engine::ObjectNotes& notes);
  Result<PartPage> parts(const std::string& bucket, const std::string& id, std::uint32_t after,
                         std::size_t limit);
  // Of each part the number and the ETag are looked at.
  Result<engine::ObjectInfo> complete_upload(const std::string& id, const std::vector<PartInfo>& parts,
                                             const Publish& publish);
  Status abort_upload(const std::string& bucket, const std::string& id);

  Result<engine::Labels> statistics();
  // Control verbs (control.h). EPERM: not for this user.
  Result<Answer> ask(const Question& question, const Memory* memory = nullptr);

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  // `descriptor`: takes what comes with the reply.
  Result<std::unique_ptr<wire::ReplyT>> call(wire::RequestT& request, int memory = -1,
                                             UniqueFd* descriptor = nullptr);
  Result<engine::ObjectInfo> call_for_info(wire::RequestT& request, int memory = -1);
  // --- client_reads.cc ---
  // What is remembered of it and holds.
  LeaseCache::ObjectRef remembered(const engine::ObjectPath& path);
  Result<LeaseCache::VolumeRef> volume(VolumeId id);
  // The pieces of a reply to a question that was asked at `asked_ms`.
  Result<LeaseCache::Extents> extents_of(const wire::ReplyT& reply, std::uint64_t begin,
                                         std::uint64_t asked_ms);
  // Empty: not from the volumes.
  std::optional<Opened> open_leased(const engine::ObjectPath& path, const wire::ReplyT& reply,
                                    std::uint64_t asked_ms, std::uint64_t length, MutableByteSpan into);
  std::unique_ptr<State> state_;
  std::vector<std::string> stores_;
  std::string mountpoint_;
  std::string uuid_;  // of the store; empty: an older daemon does not say
};

}  // namespace ciaos::rpc
