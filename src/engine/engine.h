// The filesystem: verbs on inodes and names over needles and rows.
//
// Invariants (tests cite the numbers; the whole text with its reasons is in doc/architecture.md):
//  1. A txn needle counts only with its whole batch; then the whole batch counts.
//  2. Bytes below a volume's durable tail never change, but for payloads of dead needles, which may be punched out.
//  3. A volume is freed only after a durable, applied batch in which no row names it, and after every reader that
//     began earlier has ended; only sealed volumes all of whose batches are durable and applied are looked at.
//  4. Every byte handed out was verified against a checksum that binds it to its address.
//  5. After a crash, with any unsynced sectors missing or garbled, every acknowledged fsync is there and no half of any
//     other operation.
//  6. An inode without links exists exactly as long as it is pinned; those found at start are freed.
//  7. After a failed sync or write the store is read-only until it is opened again, and the waiters get EIO. An index that
//     cannot be written fails no durable fsync: new writes are refused instead.
//  8. A full store still lets you delete.
//  9. A writer whose epoch is no longer the superblock's writes nothing more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/change_marks.h"
#include "engine/leases.h"
#include "engine/twins.h"
#include "engine/types.h"
#include "store/log_writer.h"
#include "store/needle_reader.h"
#include "store/volume_set.h"

namespace ciaos::engine {

class Inspection;
class Objects;
class Reads;

enum class AtimePolicy { none, relative, strict };

struct Options {
  bool read_only = false;
  // Where the index lives; with read_only, where a private copy may be put (it is deleted at close).
  std::string index_directory;
  std::string scratch_directory;  // read_only: parent of the private copy
  std::uint64_t commit_interval_ms = 5000;
  std::uint64_t dirty_bytes_max = 64u << 20;     // written data in memory, not yet needles
  std::uint64_t inode_cache_bytes = 256u << 20;  // attributes, names and extents in memory
  std::uint64_t header_cache_bytes = 32u << 20;  // CRC tables of large needles
  std::uint64_t compact_bytes_per_second = 64u
                                           << 20;  // moved in the background; 0: only when the store is full
  std::uint64_t scrub_bytes_per_second = 16u << 20;      // read to find damage; 0: never
  std::uint64_t scrub_interval_seconds = 7 * 24 * 3600;  // from the begin of one round to that of the next
  std::uint64_t index_reserve_bytes = 64u << 20;         // kept back on the index's filesystem for deletions
  AtimePolicy atime = AtimePolicy::none;
  bool opens_untold = false;  // also for writing: the front door opens files without saying so
  bool sync_names = false;    // what makes, moves or removes a name is durable when it returns
  bool sync_all = false;      // so is every other change of a file
  // Commit at the interval and apply in the background. Tests turn it off: then batches are cut by fsync, commit() and
  // the size limits alone, and applied by whoever commits, so that a run is repeatable.
  bool background = true;
};

struct CompactionStats {
  std::uint64_t volumes_emptied = 0;
  std::uint64_t moved_bytes = 0;    // of live payloads
  std::uint64_t punched_bytes = 0;  // of dead ones
  // What the last look found that a step could give back.
  std::uint64_t reclaimable_bytes = 0;
  // Of the volume that is being emptied, if there is one: what has moved, and what was to move when it began.
  bool emptying = false;
  VolumeId emptying_volume;
  std::uint64_t emptying_done_bytes = 0;
  std::uint64_t emptying_bytes = 0;
};

struct ScrubStats {
  std::uint64_t rounds = 0;  // that ended
  std::uint64_t read_bytes = 0;
  std::uint64_t repairs = 0;  // of superblocks, snapshot and log
  std::uint64_t damaged = 0;  // that are listed now
  bool in_round = false;
  std::int64_t round_began_seconds = 0;  // of the newest round; 0: there was none
  VolumePosition at;                     // how far a round under way has come; what lies before it was read
};

struct Statistics {
  store::WriterStats writer;
  store::ReaderStats reader;
  std::uint64_t batches_replayed = 0;  // at open
  bool index_rebuilt = false;          // at open
  std::uint64_t inodes_cached = 0;
  std::uint64_t cache_bytes = 0;  // estimate, bounded by cache_bytes_max
  std::uint64_t cache_bytes_max = 0;
  std::uint64_t dirty_bytes = 0;
  std::uint64_t open_files = 0;  // handles, of every front door that tells of opens
  TwinStats twins;
  std::uint64_t index_reads = 0;    // questions that memory could not answer
  std::uint64_t index_read_ns = 0;  // and what they took
  std::uint64_t snapshots_written = 0;
  std::uint64_t volumes_freed = 0;
  CompactionStats compaction;
  ScrubStats scrub;
};

// Thread-safe. Verbs answer with errnos as the system calls of the same name do; names are single components,
// never "." or ".."; EINVAL, ENAMETOOLONG otherwise. Operations are atomic, and durable after fsync() of an
// inode they changed, after commit(), or at the commit interval.
class Engine {
 public:
  // Recovers (or reads, for read_only) the store, see DESIGN in doc/architecture.md. `clock` outlives the engine.
  static Result<std::unique_ptr<Engine>> open(std::unique_ptr<store::VolumeSet> volumes,
                                              const Options& options, Clock& clock);
  // Commits, applies, checkpoints, writes a snapshot if one is due. No verbs may run or follow. The first error is
  // returned; then something that was not fsynced may be lost.
  Status close();
  // Without close(): stops where it is, as a crash would.
  ~Engine();

  // --- names ---
  // lookup, mkdir, mknod, symlink, link and create pin the inode they return once; forget() takes pins back.
  // lookup knows "." of every inode that has a name, and ".." of directories: so a file handle that holds nothing but
  // a number finds its file again.
  Result<Attributes> lookup(InodeId parent, std::string_view name);
  void forget(InodeId inode, std::uint64_t pins);
  // Of a directory; the root is its own parent.
  Result<InodeId> parent_of(InodeId directory);
  Result<Attributes> mknod(const Caller& caller, InodeId parent, std::string_view name, std::uint32_t mode,
                           std::uint64_t device);
  Result<Attributes> mkdir(const Caller& caller, InodeId parent, std::string_view name, std::uint32_t mode);
  Result<Attributes> symlink(const Caller& caller, InodeId parent, std::string_view name,
                             std::string_view target);
  Result<Attributes> link(InodeId inode, InodeId parent, std::string_view name);
  Status unlink(InodeId parent, std::string_view name);
  Status rmdir(InodeId parent, std::string_view name);
  Status rename(const Rename& rename);
  Result<std::string> readlink(InodeId inode);

  // Gives the names with a position above `after`, in order, to `sink` until it returns false (that entry was not taken).
  // Exact while names come and go: a name that is there throughout comes exactly once. With `attributes` each entry but "."
  // and ".." is pinned once if the sink took it.
  using DirectorySink = std::function<bool(const DirectoryEntry&, const Attributes*)>;
  Status readdir(InodeId directory, std::uint64_t after, bool attributes, const DirectorySink& sink);

  // --- attributes ---
  Result<Attributes> getattr(InodeId inode);
  // Who may is the kernel's to know. A change of owner drops set-id bits and file capabilities whoever asks. So does setting
  // nothing, for which the kernel knows no right: ignored from who does not own the file.
  Result<Attributes> setattr(const Caller& caller, InodeId inode, const SetAttributes& set);
  // FS_*_FL, as chattr(1) has them. EOPNOTSUPP for all but immutable, append-only and nodump; the first two are root's to
  // change, and from then on what they forbid is EPERM to everybody.
  Status set_flags(const Caller& caller, InodeId inode, std::uint32_t flags);
  Result<std::string> getxattr(InodeId inode, std::string_view name);
  // Only root is told of trusted.*; that nobody else reads them is the kernel's doing.
  Result<std::vector<std::string>> listxattr(const Caller& caller, InodeId inode);
  // An access control list (acl.h) and the mode follow each other, as in Linux.
  Status setxattr(const Caller& caller, InodeId inode, std::string_view name, std::string_view value,
                  XattrMode mode);
  Status removexattr(InodeId inode, std::string_view name);

  // --- contents ---
  // An open pins the inode until release(). create() is mknod of a regular file and open in one; EEXIST if it is there.
  Result<Attributes> create(const Caller& caller, InodeId parent, std::string_view name, std::uint32_t mode);
  // A file of no name that belongs to `directory` as one made there would: O_TMPFILE. Pinned and opened as create() does.
  // With `linkable`, link() can give it a name as long as it is pinned; otherwise ENOENT, as for every file without one.
  Result<Attributes> create_unnamed(const Caller& caller, InodeId directory, std::uint32_t mode,
                                    bool linkable);
  struct OpenMode {
    bool write = false;
    bool truncate = false;
    bool append = false;  // writes will be WriteMode::append
  };
  Result<Attributes> open(const Caller& caller, InodeId inode, OpenMode mode);
  void release(InodeId inode);
  // How many bytes were read; less than asked only at the end of the file. EUCLEAN: damaged; EIO: the device refused.
  Result<std::size_t> read(InodeId inode, std::uint64_t offset, MutableByteSpan into);
  // For who must not wait, and who knows what is going to be read.
  Reads& reads();
  struct WriteMode {
    bool append = false;         // at the end of the file, wherever that is; `offset` is ignored
    bool clears_set_id = false;  // as in SetAttributes
  };
  // All or nothing. ENOSPC here and never later; EROFS after a failure (invariant 7).
  Result<std::size_t> write(InodeId inode, std::uint64_t offset, ByteSpan from, WriteMode mode);
  // Where data, or a hole, begins at or behind `offset`; the end of the file counts as a hole. ENXIO: there is none, or
  // `offset` is not in the file.
  Result<std::uint64_t> seek(InodeId inode, std::uint64_t offset, SeekTo what);
  // punch, zero: the range reads as zeros and its space is given back. Works on a full store.
  // reserve: what is written to the range later finds room, where nothing is written yet. ENOSPC, before anything changed.
  // EFBIG for a size that no file can have. Whole or not at all up to some thousand extents; beyond, from the front in steps.
  Status change_range(InodeId inode, const RangeChange& change);
  // Shares extents instead of copying bytes: as copy_file_range(2), so it may do less than it was asked for, and does
  // nothing at the end of `from`. How many bytes were done; EINVAL if the two ranges overlap in one file.
  Result<std::uint64_t> clone_range(const CloneRange& range);
  // Durable on return: everything that happened to the inode before the call, and the names that lead to it. For the
  // root: everything that happened to the store.
  Status fsync(InodeId inode);

  // --- for readers in other processes ---
  // Where the bytes of a file lie, in order, at most `limit` pieces; what is left out reads as zeros. They stay there as
  // long as `holder` has the leases that this takes. Whoever reads them verifies them (invariant 4). ENOTSUP: there is no reading
  // past the engine just now, since some of it is in memory only, on a raw device, or in more pieces. EMFILE as Leases::take().
  Result<std::vector<LeasedPiece>> lease(const Leases::Holder& holder, InodeId inode, std::uint64_t offset,
                                         std::uint64_t length, std::size_t limit);
  // Of a volume that the holder has a lease of, for reading only. EACCES: he has none.
  Result<UniqueFd> volume_descriptor(const Leases::Holder& holder, VolumeId volume);
  Leases& leases();
  // For a kernel that reads large files by itself.
  Twins& twins();
  const ChangeMarks& marks() const;
  Uuid uuid() const;

  // --- objects ---
  // Verbs on keys, see objects.h. As long as the engine; EROFS is theirs to say on a read-only one.
  Objects& objects();
  // Before the first object verb.
  void watch(Watch watch);
  // To whoever watches, from a front door that changes by the verbs above what another one shows.
  void tell_name(InodeId parent, const std::string& name) const;
  void tell_inode(InodeId inode) const;
  // Before the first verb: the directory at `path`, which may begin with a slash, is the root of all verbs but those on objects:
  // they know it by the number of the root, and nothing above it. ENOENT, ENOTDIR; a symlink is no directory.
  Status show_directory(std::string_view path);

  // --- the store ---
  Status commit();  // everything before the call is durable on return
  // As the limits of the directory tree show it that the inode is part of, where there are some. Of the root: the store.
  FilesystemStatistics statfs(InodeId inode = kRootInode);
  Statistics statistics();
  // Whether a lookup or reading attributes finds everything in memory, and whether a change of contents or names might have to
  // wait for a device just now. For who must not wait; either may be otherwise a moment later.
  bool at_hand(InodeId inode) const;
  bool at_hand(InodeId parent, std::string_view name) const;
  bool changes_may_wait() const;

  void drop_caches();  // contents and headers; for cold benchmarks
  bool read_only() const;
  // Waits until everything durable is applied to the index. For tests and close.
  Status settle();
  // Writes a snapshot of the index into the volumes and names it in the superblocks.
  Status snapshot();
  // One step of compaction now: the volume with the most garbage, if that is worth it, or with `pressed` whatever there is.
  // False: nothing was.
  Result<bool> compact(bool pressed);
  // The scrubber's round under way, or a new one, to its end and at once.
  Status scrub();
  // One volume of it; false: that was the end of the round.
  Result<bool> scrub_step();
  // What the store can be asked about itself; as long as the engine.
  Inspection& inspection();
  // Nothing that takes long is begun any more, and what runs ends at its next step: before close(), while verbs still run.
  void end_long_work();

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ciaos::engine
