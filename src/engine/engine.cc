#include "engine/engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "engine/attributes.h"
#include "engine/closed_files.h"
#include "engine/compaction.h"
#include "engine/core.h"
#include "engine/files.h"
#include "engine/index_warmth.h"
#include "engine/inspection.h"
#include "engine/maintenance.h"
#include "engine/mounted_root.h"
#include "engine/names.h"
#include "engine/objects.h"
#include "engine/protection.h"
#include "engine/reads.h"
#include "engine/recovery.h"
#include "engine/report_files.h"
#include "engine/rules.h"
#include "engine/scrub.h"
#include "engine/twins.h"

namespace ciaos::engine {

namespace {

// What all changes that are under way at once may ask of the log. With less, one of them may have to make room.
constexpr std::uint64_t kRoomForQuickChanges = 256u << 20;

// What is left of the store's room to who may use only so much of it.
void show_quota(Core& core, InodeId id, FilesystemStatistics& statistics) {
  const auto inode = ReportFiles::owns(id) ? Result<InodeRef>(fail(ENODATA)) : core.inodes->get(id);
  if (!inode.ok()) return;
  const QuotaRef tree = [&] {
    ReaderLock lock((*inode)->mutex);
    return (*inode)->quota;
  }();
  if (!tree) return;
  const meta::QuotaRow row = core.quotas->row_of(*tree);
  const auto left = [](std::uint64_t limit, std::uint64_t used) { return limit - std::min(limit, used); };
  if (row.bytes_max != 0) {
    statistics.bytes_total = std::min(statistics.bytes_total, row.bytes_max);
    statistics.bytes_free = std::min(statistics.bytes_free, left(row.bytes_max, row.bytes));
  }
  if (row.files_max != 0) {
    statistics.inodes = row.files;
    statistics.inodes_free = std::min(statistics.inodes_free, left(row.files_max, row.files));
  }
}

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(Recovered recovered)
      : core(std::move(recovered.core)),
        files(*core),
        twins(*core, files),
        closed_files(*core, files),
        names(*core, files),
        attributes(*core, files),
        objects(*core, files, names),
        maintenance(*core, files),
        compaction(*core, files, maintenance),
        scrub(*core, files, maintenance, damages),
        reports({[this] { return damages.text(); }, [this] { return text_of(statistics()); }},
                core->clock.now(), core->read_only() || core->options.opens_untold),
        inspection(*core, root, damages) {
    damages.load(core->index_directory + "/damaged");
    if (core->options.background && core->scratch_index.empty()) warmth.start(core->index_directory);
    if (core->read_only()) return;
    maintenance.start_at(recovered.last, recovered.open_volumes);
    maintenance.set_snapshot(recovered.snapshot);
    CommitLimits limits;
    limits.record_bytes_max = core->log_limits.txn_payload_bytes_max / 9 * 8;
    limits.interval_ms = core->options.commit_interval_ms;
    limits.background = core->options.background;
    Committer::Hooks hooks;
    hooks.buffered_records = [this] {
      return core->dirty.pieces() * kRecordsPerPiece + core->quotas->record_bytes();
    };
    hooks.make_index_room = [this] {
      if (!core->index_reserve->give()) return false;
      log(LogLevel::error,
          "the index's filesystem is full, and only deletions are taken until it has room: {}",
          core->index_directory);
      return true;
    };
    hooks.flush_early = [this] { (void)files.flush_all(/*inside_gate=*/false).ok(); };
    hooks.close_batch = [this] { return maintenance.close_batch(); };
    hooks.after_cut = [this](const TxnRef& ref) { maintenance.after_cut(ref); };
    hooks.still_owner = [this] { return maintenance.still_owner(); };
    hooks.after_apply = [this] {
      maintenance.after_apply();
      compaction.wake();
    };
    core->make_room = [this](const std::function<Status()>& claim) { return compaction.make_room(claim); };
    core->committer = std::make_unique<Committer>(*core->rows, *core->writer, *core->index, core->gate,
                                                  limits, std::move(hooks));
    core->committer->start();
    closed_files.start();
    compaction.start();
    scrub.start(core->scrubbed);
  }

  ~Impl() {
    closed_files.stop();
    scrub.stop();
    compaction.stop();
    if (core->committer) core->committer->stop();
    // What was not committed is given up, as a crash would.
    for (const InodeRef& inode : core->dirty.list(*core->inodes)) {
      InodeRef kept = core->dirty.remove(inode->id);
      WriterLock lock(inode->mutex);
      inode->buffer = {};
    }
    if (core->scratch_index.empty()) return;
    core->rows.reset();
    core->index.reset();
    std::error_code ignored;
    std::filesystem::remove_all(core->scratch_index, ignored);
  }

  Status check_writable() const { return core->read_only() ? Status(fail(EROFS)) : Status{}; }
  Status check_writable(InodeId inode) const {
    TRY_VOID(check_writable());
    return ReportFiles::owns(inode) ? Status(fail(EPERM)) : Status{};
  }
  // For a name that comes or goes.
  Status check_writable(InodeId parent, std::string_view name) {
    TRY_VOID(check_writable(parent));
    return is_report(parent, name) ? Status(fail(EPERM)) : Status{};
  }
  // A real entry comes first.
  bool is_report(InodeId parent, std::string_view name) {
    if (ReportFiles::owns(parent)) return true;
    if (!ReportFiles::is_reserved(parent, name)) return false;
    const auto real = names.lookup(root.meant(parent), name);
    if (real.ok()) names.unpin(real->inode, 1);
    return real.code() == ENOENT;
  }

  // An answer that waits until what was done is durable.
  template <typename Answer>
  Answer after_commit(bool asked, Answer answer) {
    if (!asked || !answer.ok()) return answer;
    const Status committed = core->committer->commit();
    return committed.ok() ? std::move(answer) : Answer(committed.error());
  }
  template <typename Answer>
  Answer changed_names(Answer answer) {
    return after_commit(core->options.sync_names || core->options.sync_all, std::move(answer));
  }
  template <typename Answer>
  Answer changed_file(Answer answer) {
    return after_commit(core->options.sync_all, std::move(answer));
  }
  Result<Attributes> made_name(Result<Attributes> made, std::uint64_t pins) {
    const InodeId inode = made.ok() ? made->inode : InodeId();
    Result<Attributes> answer = changed_names(std::move(made));
    if (!answer.ok() && inode != InodeId()) names.unpin(inode, pins);
    return answer;
  }

  // Inodes that lost their last name before a crash.
  Status free_orphans() {
    if (core->read_only()) return {};
    InodeId after;
    while (true) {
      std::vector<InodeId> orphans;
      {
        meta::IndexReader reader = TRY(core->index->reader());
        orphans = TRY(reader.orphans(after, 1000));
      }
      if (orphans.empty()) return {};
      for (const InodeId orphan : orphans) {
        core->orphans.add(orphan, /*linkable=*/false);
        TRY_VOID(names.destroy(orphan));
      }
      after = orphans.back();
    }
  }

  Statistics statistics() {
    Statistics now;
    if (core->writer) now.writer = core->writer->stats();
    now.reader = core->reader->stats();
    now.batches_replayed = core->batches_replayed;
    now.index_rebuilt = core->index_rebuilt;
    now.inodes_cached = core->inodes->count();
    now.cache_bytes = core->inodes->bytes() + core->names.bytes();
    now.cache_bytes_max = core->options.inode_cache_bytes;
    now.dirty_bytes = core->dirty.bytes();
    now.open_files = core->open_files;
    now.twins = twins.stats();
    const Rows::IndexReads asked = core->rows->index_reads();
    now.index_reads = asked.count;
    now.index_read_ns = asked.nanoseconds;
    now.snapshots_written = core->snapshots_written;
    now.volumes_freed = core->volumes_freed;
    now.compaction = compaction.stats();
    now.scrub = scrub.stats();
    return now;
  }

  Watch watch;  // ids as they are shown
  IndexWarmth warmth;
  std::unique_ptr<Core> core;
  MountedRoot root;
  Files files;
  Twins twins;
  ClosedFiles closed_files;
  Names names;
  InodeAttributes attributes;
  Objects objects;
  Maintenance maintenance;
  Compaction compaction;
  DamageList damages;
  Scrub scrub;
  ReportFiles reports;
  Reads reads{files, twins, attributes, reports};
  Inspection inspection;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(std::unique_ptr<store::VolumeSet> volumes,
                                             const Options& options, Clock& clock) {
  Recovery recovery(std::move(volumes), options, clock);
  auto impl = std::make_unique<Impl>(TRY(recovery.run()));
  auto engine = std::unique_ptr<Engine>(new Engine(std::move(impl)));
  TRY_VOID(engine->impl_->free_orphans());
  return engine;
}

Status Engine::close() {
  if (impl_->core->read_only()) return {};
  impl_->closed_files.stop();
  impl_->scrub.stop();
  impl_->compaction.stop();
  impl_->scrub.note_position();
  TRY_VOID(impl_->core->committer->commit());
  TRY_VOID(impl_->core->committer->settle());
  TRY_VOID(impl_->maintenance.finish());
  impl_->core->committer->stop();
  return {};
}

Result<Attributes> Engine::lookup(InodeId parent, std::string_view name) {
  if (ReportFiles::owns(parent) && name == "..") return lookup(kRootInode, ".");
  if (impl_->is_report(parent, name)) return impl_->reports.lookup(parent, name);
  const MountedRoot& root = impl_->root;
  if (root.is(root.meant(parent)) && name == "..") name = ".";
  return root.shown(impl_->names.lookup(root.meant(parent), name));
}
void Engine::forget(InodeId inode, std::uint64_t pins) {
  if (!ReportFiles::owns(inode)) impl_->names.unpin(impl_->root.meant(inode), pins);
}
Result<InodeId> Engine::parent_of(InodeId directory) {
  const MountedRoot& root = impl_->root;
  if (ReportFiles::owns(directory) || root.is(root.meant(directory))) return kRootInode;
  return root.shown(TRY(impl_->names.parent_of(directory)));
}

Result<Attributes> Engine::mknod(const Caller& caller, InodeId parent, std::string_view name,
                                 std::uint32_t mode, std::uint64_t device) {
  TRY_VOID(impl_->check_writable(parent, name));
  if ((mode & S_IFMT) == 0) mode |= S_IFREG;
  if (S_ISDIR(mode) || S_ISLNK(mode)) return fail(EINVAL);
  const Names::NewInode what{mode, S_ISCHR(mode) || S_ISBLK(mode) ? device : 0, {}};
  return impl_->made_name(impl_->names.make(caller, impl_->root.meant(parent), name, what, 1), 1);
}

Result<Attributes> Engine::mkdir(const Caller& caller, InodeId parent, std::string_view name,
                                 std::uint32_t mode) {
  TRY_VOID(impl_->check_writable(parent, name));
  return impl_->made_name(
      impl_->names.make(caller, impl_->root.meant(parent), name, {S_IFDIR | (mode & 07777), 0, {}}, 1), 1);
}

Result<Attributes> Engine::symlink(const Caller& caller, InodeId parent, std::string_view name,
                                   std::string_view target) {
  TRY_VOID(impl_->check_writable(parent, name));
  if (target.empty()) return fail(ENOENT);
  if (target.size() > kSymlinkBytesMax) return fail(ENAMETOOLONG);
  Caller unmasked = caller;
  unmasked.umask = 0;
  return impl_->made_name(
      impl_->names.make(unmasked, impl_->root.meant(parent), name, {S_IFLNK | 0777, 0, target}, 1), 1);
}

Result<Attributes> Engine::link(InodeId inode, InodeId parent, std::string_view name) {
  TRY_VOID(impl_->check_writable(inode));
  TRY_VOID(impl_->check_writable(parent, name));
  return impl_->made_name(impl_->names.link(inode, impl_->root.meant(parent), name), 1);
}

Status Engine::unlink(InodeId parent, std::string_view name) {
  TRY_VOID(impl_->check_writable(parent, name));
  return impl_->changed_names(impl_->names.unlink(impl_->root.meant(parent), name));
}

Status Engine::rmdir(InodeId parent, std::string_view name) {
  TRY_VOID(impl_->check_writable(parent, name));
  return impl_->changed_names(impl_->names.rmdir(impl_->root.meant(parent), name));
}

Status Engine::rename(const Rename& rename) {
  TRY_VOID(impl_->check_writable(rename.parent, rename.name));
  TRY_VOID(impl_->check_writable(rename.new_parent, rename.new_name));
  Rename meant = rename;
  meant.parent = impl_->root.meant(rename.parent);
  meant.new_parent = impl_->root.meant(rename.new_parent);
  return impl_->changed_names(impl_->names.rename(meant));
}

Result<std::string> Engine::readlink(InodeId inode) { return impl_->attributes.readlink(inode); }

Status Engine::readdir(InodeId directory, std::uint64_t after, bool attributes, const DirectorySink& sink) {
  if (ReportFiles::owns(directory)) return impl_->reports.readdir(directory, after, attributes, sink);
  const MountedRoot& root = impl_->root;
  const InodeId meant = root.meant(directory);
  if (root.is(kRootInode)) return impl_->names.readdir(meant, after, attributes, sink);
  const auto shown = [&](const DirectoryEntry& entry, const Attributes* about) {
    DirectoryEntry as_shown = entry;
    const bool is_above = root.is(meant) && entry.name == "..";
    as_shown.inode = is_above ? kRootInode : root.shown(entry.inode);
    return sink(as_shown, about);
  };
  return impl_->names.readdir(meant, after, attributes, shown);
}

Result<Attributes> Engine::getattr(InodeId inode) {
  if (ReportFiles::owns(inode)) return impl_->reports.getattr(inode);
  return impl_->root.shown(impl_->attributes.get(impl_->root.meant(inode)));
}

Result<Attributes> Engine::setattr(const Caller& caller, InodeId inode, const SetAttributes& set) {
  TRY_VOID(impl_->check_writable(inode));
  const MountedRoot& root = impl_->root;
  return impl_->changed_file(root.shown(impl_->attributes.set(caller, root.meant(inode), set)));
}

Status Engine::set_flags(const Caller& caller, InodeId inode, std::uint32_t flags) {
  TRY_VOID(impl_->check_writable(inode));
  return impl_->changed_file(impl_->attributes.set_flags(caller, impl_->root.meant(inode), flags));
}

Result<std::string> Engine::getxattr(InodeId inode, std::string_view name) {
  if (ReportFiles::owns(inode)) return fail(ENODATA);
  return impl_->attributes.get_xattr(impl_->root.meant(inode), name);
}
Result<std::vector<std::string>> Engine::listxattr(const Caller& caller, InodeId inode) {
  if (ReportFiles::owns(inode)) return std::vector<std::string>{};
  return impl_->attributes.list_xattrs(caller, impl_->root.meant(inode));
}

Status Engine::setxattr(const Caller& caller, InodeId inode, std::string_view name, std::string_view value,
                        XattrMode mode) {
  TRY_VOID(impl_->check_writable(inode));
  return impl_->changed_file(
      impl_->attributes.set_xattr(caller, impl_->root.meant(inode), name, value, mode));
}

Status Engine::removexattr(InodeId inode, std::string_view name) {
  TRY_VOID(impl_->check_writable(inode));
  return impl_->changed_file(impl_->attributes.remove_xattr(impl_->root.meant(inode), name));
}

Result<Attributes> Engine::create(const Caller& caller, InodeId parent, std::string_view name,
                                  std::uint32_t mode) {
  TRY_VOID(impl_->check_writable(parent, name));
  auto made = impl_->made_name(
      impl_->names.make(caller, impl_->root.meant(parent), name, {S_IFREG | (mode & 07777), 0, {}}, 2), 2);
  if (made.ok()) ++impl_->core->open_files;
  return made;
}

Result<Attributes> Engine::create_unnamed(const Caller& caller, InodeId directory, std::uint32_t mode,
                                          bool linkable) {
  TRY_VOID(impl_->check_writable(directory));
  auto made =
      impl_->names.make_unnamed(caller, impl_->root.meant(directory), S_IFREG | (mode & 07777), linkable);
  if (made.ok()) ++impl_->core->open_files;
  return made;
}

Result<Attributes> Engine::open(const Caller& caller, InodeId inode, OpenMode mode) {
  if (mode.write || mode.truncate) TRY_VOID(impl_->check_writable(inode));
  ++impl_->core->open_files;
  if (ReportFiles::owns(inode)) return impl_->reports.getattr(inode);
  impl_->core->pins.add(impl_->root.meant(inode));
  SetAttributes truncation;
  truncation.size = 0;
  truncation.clears_set_id = caller.uid != 0;
  auto attributes = mode.truncate ? setattr(caller, inode, truncation) : getattr(inode);
  if (attributes.ok() && mode.write && S_ISDIR(attributes->mode)) attributes = fail(EISDIR);
  if (attributes.ok() && mode.write) {
    if (Status status = check_writable(attributes->flags, mode.append); !status.ok())
      attributes = status.error();
  }
  if (!attributes.ok()) {
    release(inode);
  } else {
    attributes->notes_access = impl_->attributes.notes_access(*attributes);
  }
  return attributes;
}

void Engine::release(InodeId inode) {
  if (!ReportFiles::owns(inode)) impl_->closed_files.add(impl_->root.meant(inode));
  --impl_->core->open_files;
  forget(inode, 1);
}

Result<std::size_t> Engine::read(InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  return impl_->reads.read(inode, offset, into);
}

Reads& Engine::reads() { return impl_->reads; }

Result<std::size_t> Engine::write(InodeId inode, std::uint64_t offset, ByteSpan from, WriteMode mode) {
  TRY_VOID(impl_->check_writable(inode));
  return impl_->changed_file(impl_->files.write(inode, offset, from, mode));
}

Result<std::uint64_t> Engine::seek(InodeId inode, std::uint64_t offset, SeekTo what) {
  if (ReportFiles::owns(inode)) return fail(EINVAL);
  return impl_->files.seek(inode, offset, what);
}

Status Engine::change_range(InodeId inode, const RangeChange& change) {
  TRY_VOID(impl_->check_writable(inode));
  return impl_->changed_file(impl_->files.change_range(inode, change));
}

Result<std::uint64_t> Engine::clone_range(const CloneRange& range) {
  TRY_VOID(impl_->check_writable(range.to));
  if (ReportFiles::owns(range.from)) return fail(EOPNOTSUPP);
  auto bytes = impl_->files.clone_range(range);
  if (bytes.ok()) impl_->attributes.note_access(range.from);
  return impl_->changed_file(std::move(bytes));
}

Result<std::vector<LeasedPiece>> Engine::lease(const Leases::Holder& holder, InodeId inode,
                                               std::uint64_t offset, std::uint64_t length,
                                               std::size_t limit) {
  if (ReportFiles::owns(inode)) return fail(ENOTSUP);
  return impl_->files.lease(holder, inode, offset, length, limit);
}

Result<UniqueFd> Engine::volume_descriptor(const Leases::Holder& holder, VolumeId volume) {
  if (!holder.has(volume)) return fail(EACCES, "a volume without a lease");
  return TRY(impl_->core->volumes->volume(volume))->descriptor_for_reading();
}

Twins& Engine::twins() { return impl_->twins; }

Leases& Engine::leases() { return impl_->core->leases; }

const ChangeMarks& Engine::marks() const { return impl_->core->rows->marks(); }

Uuid Engine::uuid() const { return impl_->core->uuid; }

Objects& Engine::objects() { return impl_->objects; }

void Engine::watch(Watch watch) {
  impl_->watch = std::move(watch);
  impl_->core->watch = {
      .name_changed = [this](InodeId parent,
                             const std::string& name) { tell_name(impl_->root.shown(parent), name); },
      .inode_changed = [this](InodeId inode) { tell_inode(impl_->root.shown(inode)); }};
}

void Engine::tell_name(InodeId parent, const std::string& name) const {
  if (impl_->watch.name_changed) impl_->watch.name_changed(parent, name);
}

void Engine::tell_inode(InodeId inode) const {
  if (impl_->watch.inode_changed) impl_->watch.inode_changed(inode);
}

Status Engine::show_directory(std::string_view path) {
  InodeId at = kRootInode;
  impl_->core->pins.add(at);
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.empty()) continue;
    const auto next = impl_->names.lookup(at, name);
    impl_->names.unpin(at, 1);
    if (!next.ok()) return next.error();
    at = next->inode;
  }
  // The pin stays: what is shown outlives its name, as whatever is in use does.
  const Attributes attributes = TRY(impl_->attributes.get(at));
  if (!S_ISDIR(attributes.mode)) return fail(ENOTDIR);
  impl_->root.set(at);
  return {};
}

Status Engine::fsync(InodeId inode) {
  if (impl_->core->read_only() || ReportFiles::owns(inode)) return {};
  // sync(1) and syncfs(2) do not reach us; an fsync of the root is how everything can be asked for.
  if (inode == kRootInode) return impl_->core->committer->commit();
  return impl_->core->committer->commit_through(impl_->core->rows->last_change(inode));
}

Status Engine::commit() {
  if (impl_->core->read_only()) return {};
  return impl_->core->committer->commit();
}

FilesystemStatistics Engine::statfs(InodeId inode) {
  Core& core = *impl_->core;
  FilesystemStatistics statistics;
  statistics.inodes = core.inode_count;
  statistics.bytes_total = core.stored_bytes;
  if (core.pool) {
    const store::VolumePool::Space space = core.pool->space();
    statistics.bytes_total = space.bytes_total;
    // A write that needs what garbage holds gets it.
    statistics.bytes_free = space.bytes_available + impl_->compaction.reclaimable_bytes();
    statistics.bytes_free = std::min(statistics.bytes_free, statistics.bytes_total);
  }
  // An inode costs records only; this many would fit if each took a block.
  statistics.inodes_free = statistics.bytes_free / statistics.block_bytes;
  show_quota(core, impl_->root.meant(inode), statistics);
  return statistics;
}

Statistics Engine::statistics() { return impl_->statistics(); }

bool Engine::at_hand(InodeId inode) const { return impl_->core->inodes->contains(impl_->root.meant(inode)); }

bool Engine::at_hand(InodeId parent, std::string_view name) const {
  const NameCache::Found found = impl_->core->names.find(impl_->root.meant(parent), name);
  return found.known && at_hand(parent) && (!found.row || at_hand(found.row->child));
}

bool Engine::changes_may_wait() const {
  Core& core = *impl_->core;
  return core.read_only() || core.options.sync_all || core.options.sync_names ||
         core.dirty.bytes() > core.options.dirty_bytes_max / 2 || core.writer->is_behind() ||
         core.committer->is_behind() || !core.pool->has_room_for(kRoomForQuickChanges);
}

void Engine::drop_caches() {
  impl_->core->reader->drop_caches();
  impl_->twins.drop_idle();
}
bool Engine::read_only() const { return impl_->core->read_only(); }

Status Engine::settle() {
  if (impl_->core->read_only()) return {};
  return impl_->core->committer->settle();
}

Status Engine::snapshot() {
  TRY_VOID(impl_->check_writable());
  return impl_->maintenance.snapshot();
}

Result<bool> Engine::compact(bool pressed) {
  TRY_VOID(impl_->check_writable());
  TRY_VOID(commit());
  TRY_VOID(settle());
  return impl_->compaction.step(pressed ? Pressure::full : Pressure::none);
}

Result<bool> Engine::scrub_step() {
  TRY_VOID(impl_->check_writable());
  TRY_VOID(commit());
  TRY_VOID(settle());
  return impl_->scrub.step_now();
}

Inspection& Engine::inspection() { return impl_->inspection; }

void Engine::end_long_work() {
  impl_->scrub.stop();
  impl_->compaction.stop();
}

Status Engine::scrub() {
  TRY_VOID(impl_->check_writable());
  TRY_VOID(commit());
  TRY_VOID(settle());
  return impl_->scrub.finish_round();
}

}  // namespace ciaos::engine
