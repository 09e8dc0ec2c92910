#include "tools/broken_store.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <type_traits>

#include "meta/first_rows.h"
#include "meta/index.h"
#include "meta/snapshot.h"
#include "store/log_reader.h"
#include "store/mkfs.h"
#include "tools/fsck/replay.h"

namespace ciaos::fsck {
namespace {

using store::LogWriter;
using store::NeedleKind;
using store::StoreDevice;

// What a test takes for granted.
template <typename T>
auto must(Result<T> result) {
  if (!result.ok()) std::fprintf(stderr, "%s\n", to_string(result.error()).c_str());
  CIAOS_ASSERT(result.ok());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

template <typename Row>
void add_difference(const meta::TableChanges<Row>& from, const meta::TableChanges<Row>& to,
                    meta::TableChanges<Row>& changes) {
  for (const auto& [key, row] : to) {
    const auto old = from.find(key);
    if (old == from.end() || old->second != row) changes.emplace(key, row);
  }
  for (const auto& [key, row] : from) {
    if (!to.contains(key)) changes.emplace(key, std::nullopt);
  }
}

meta::Changes difference(const meta::Changes& from, const meta::Changes& to) {
  meta::Changes changes;
  add_difference(from.inodes, to.inodes, changes.inodes);
  add_difference(from.names, to.names, changes.names);
  add_difference(from.extents, to.extents, changes.extents);
  add_difference(from.xattrs, to.xattrs, changes.xattrs);
  add_difference(from.volumes, to.volumes, changes.volumes);
  add_difference(from.counters, to.counters, changes.counters);
  return changes;
}

}  // namespace

std::string Findings::text() const {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all + (error.code != 0 ? to_string(error) : "");
}

BrokenStore::BrokenStore(std::string folder)
    : folder_(std::move(folder)),
      memory_(std::make_shared<store::MemoryDevice>(kDeviceBytes)),
      device_(std::make_shared<test::InterposedDevice>(memory_)) {
  uuid_ = must(parse_uuid("00112233-4455-6677-8899-aabbccddeeff"));
  const std::vector<std::uint32_t> next_slots =
      folder_.empty() ? std::vector<std::uint32_t>{} : std::vector{1u};
  rows_ = meta::first_rows({.created = {1'000'000'000, 0}, .next_slots = next_slots});
  committed_ = rows_;
  std::vector<std::unique_ptr<StoreDevice>> blank;
  blank.push_back(folder_.empty() ? store::raw_store_device(device_)
                                  : must(store::create_store_device(folder_)));
  const auto plan = must(store::plan_format(blank, {folder_.empty() ? kDeviceBytes : 0},
                                            {.uuid = uuid_, .volume_bytes = kVolumeBytes}));
  must(store::format_store(blank, plan, meta::encode_changes(rows_)));
  blank.clear();

  volumes_ = must(store::VolumeSet::open(devices()));
  TxnRef start;
  start.resume = volumes_->superblock().log_start;
  store::LogReader reader(*volumes_, uuid_, start);
  last_ = must(reader.next()).value().ref;
  must(volumes_->update_superblocks(Epoch(2), std::nullopt));
  const store::LogLimits limits = store::limits_for_volume(kVolumeBytes);
  pool_ = std::make_unique<store::VolumePool>(
      *volumes_, std::vector<store::KnownVolume>{{make_volume_id(0, 0), Generation(1), false}},
      std::vector<std::uint32_t>{1}, kVolumeBytes / 2);
  writer_ = std::make_unique<LogWriter>(*volumes_, *pool_, uuid_, Epoch(2), last_, limits);
  commit_records(meta::encode_changes({}));
}

BrokenStore::~BrokenStore() = default;

std::vector<std::unique_ptr<StoreDevice>> BrokenStore::devices() const {
  std::vector<std::unique_ptr<StoreDevice>> devices;
  devices.push_back(folder_.empty()
                        ? store::raw_store_device(device_)
                        : must(store::open_store_device(folder_, store::OpenAccess::read_write, 0)));
  return devices;
}

std::shared_ptr<store::MemoryDevice> BrokenStore::image() const {
  store::IoBuffer bytes(kDeviceBytes);
  must(memory_->read(0, bytes.span()));
  auto copy = std::make_shared<store::MemoryDevice>(kDeviceBytes);
  must(copy->write(0, bytes.span()));
  return copy;
}

InodeId BrokenStore::add_inode(InodeId parent, const std::string& name, meta::InodeRow row) {
  const InodeId id(counter(meta::Counter::next_inode)++);
  ++counter(meta::Counter::inodes);
  meta::InodeRow& directory = inode(parent);
  ++directory.entries;
  if (S_ISDIR(row.mode)) ++directory.links;
  const std::uint64_t position = directory.next_position++;
  rows_.names.emplace(meta::NameKey{parent, name},
                      meta::NameRow{id, position, static_cast<std::uint8_t>(IFTODT(row.mode))});
  rows_.inodes.emplace(id, std::move(row));
  return id;
}

InodeId BrokenStore::add_directory(InodeId parent, const std::string& name) {
  meta::InodeRow row;
  row.mode = S_IFDIR | 0755;
  row.links = 2;
  row.parent = parent;
  row.next_position = meta::kFirstPosition;
  return add_inode(parent, name, row);
}

InodeId BrokenStore::add_file(InodeId parent, const std::string& name, const std::string& contents) {
  meta::InodeRow row;
  row.mode = S_IFREG | 0644;
  row.links = 1;
  row.size = contents.size();
  row.stored_bytes = contents.size();
  const InodeId id = add_inode(parent, name, row);
  const NeedlePlace place = append(NeedleKind::data, id, 0, as_bytes(contents));
  rows_.extents.emplace(meta::ExtentKey{id, 0}, meta::ExtentRow{contents.size(), place, 0});
  counter(meta::Counter::stored_bytes) += contents.size();
  return id;
}

InodeId BrokenStore::add_symlink(InodeId parent, const std::string& name, const std::string& target) {
  meta::InodeRow row;
  row.mode = S_IFLNK | 0777;
  row.links = 1;
  row.size = target.size();
  row.content = target;
  return add_inode(parent, name, row);
}

NeedlePlace BrokenStore::append(NeedleKind kind, InodeId inode, std::uint64_t file_offset, ByteSpan payload) {
  const std::uint64_t reserved = store::needle_bytes_bound(payload.size());
  must(pool_->reserve(reserved));
  NeedlePlace place = must(writer_->append({kind, inode, file_offset}, {&payload, 1}));
  pool_->release(reserved);
  return place;
}

TxnRef BrokenStore::commit() {
  for (const store::VolumeStart& start : writer_->take_started()) {
    rows_.volumes.emplace(start.volume,
                          meta::VolumeRow{start.generation, meta::VolumeState::open, Sequence()});
  }
  const meta::Changes changes = difference(committed_, rows_);
  committed_ = rows_;
  return commit_records(meta::encode_changes(changes));
}

TxnRef BrokenStore::commit_records(ByteSpan records) {
  const bool opening = last_.sequence == Sequence(1);
  const store::DurableBatch durable = must(writer_->commit(must(writer_->cut(records, opening))));
  last_ = durable.ref();
  return last_;
}

NeedlePlace BrokenStore::write_snapshot() {
  const ByteVector piece = meta::encode_snapshot_piece(committed_);
  meta::SnapshotDirectory directory;
  directory.state = last_;
  directory.pieces.push_back(append(NeedleKind::snapshot, InodeId(0), 0, piece));
  directory.digest = digest_of(piece);
  directory.bytes = piece.size();
  const NeedlePlace last =
      append(NeedleKind::snapshot, InodeId(1), 0, meta::encode_snapshot_directory(directory));
  commit();
  must(volumes_->update_superblocks(std::nullopt, last));
  return last;
}

void BrokenStore::flip(const VolumePosition& at) {
  flip_device(volumes_->superblock().slots_begin + slot_of(at.volume) * kVolumeBytes + at.offset);
}

void BrokenStore::flip_device(std::uint64_t device_offset) {
  store::IoBuffer block(store::kBlockBytes);
  const std::uint64_t begin = align_down(device_offset, store::kBlockBytes);
  must(memory_->read(begin, block.span()));
  block.span()[device_offset - begin] ^= std::byte{0x10};
  must(memory_->write(begin, block.span()));
}

void BrokenStore::wipe_device(std::uint64_t device_offset, std::uint64_t bytes) {
  const store::IoBuffer zeros(bytes);
  must(memory_->write(device_offset, zeros.span()));
}

void BrokenStore::put_first_superblock(const store::Superblock& superblock) {
  store::IoBuffer block(store::kBlockBytes);
  store::encode_superblock(superblock, block.span());
  must(memory_->write(0, block.span()));
}

void BrokenStore::put_superblocks(const store::Superblock& superblock) {
  put_first_superblock(superblock);
  store::IoBuffer block(store::kBlockBytes);
  store::encode_superblock(superblock, block.span());
  must(memory_->write(kDeviceBytes - store::kBlockBytes, block.span()));
}

void BrokenStore::refuse_to_read(const VolumePosition& at, std::uint64_t bytes) {
  const std::uint64_t begin =
      volumes_->superblock().slots_begin + slot_of(at.volume) * kVolumeBytes + at.offset;
  test::InterposedDevice::Hooks hooks;
  hooks.before_read = [begin, bytes](std::uint64_t offset, std::uint64_t count) -> Status {
    if (offset < begin + bytes && begin < offset + count) return fail(EIO, "a bad sector");
    return {};
  };
  device_->set_hooks(std::move(hooks));
}

TxnRef BrokenStore::log_end() {
  TxnRef start;
  start.resume = volumes_->superblock().log_start;
  Progress progress;
  return must(replay(*volumes_, uuid_, start, nullptr, progress)).end;
}

void BrokenStore::build_index(const std::string& directory) {
  auto index = must(meta::Index::open(directory, uuid_, meta::Index::Mode::open_or_create));
  TxnRef start;
  start.resume = volumes_->superblock().log_start;
  Progress progress;
  const Replay log = must(replay(*volumes_, uuid_, start, index.get(), progress));
  EXPECT_FALSE(log.stopped.has_value());
  must(index->checkpoint());
}

Findings BrokenStore::check(const std::string& index_directory, CheckOptions options,
                            const Answers* answers) {
  options.index_directory = index_directory;
  if (!folder_.empty()) {  // one owner at a time
    writer_.reset();
    pool_.reset();
    volumes_.reset();
  }
  return check_devices(devices(), options, answers);
}

Findings BrokenStore::check_devices(std::vector<std::unique_ptr<StoreDevice>> devices,
                                    const CheckOptions& options, const Answers* answers) {
  Findings findings;
  Report report([&findings](const std::string& line) { findings.lines.push_back(line); });
  Progress progress;
  auto result = run_check(std::move(devices), options, report, progress, answers);
  for (const ProblemEntry& entry : problem_table()) findings.counts.push_back(report.count(entry.problem));
  findings.errors = report.errors();
  findings.fatal = report.fatal();
  if (result.ok()) {
    findings.result = std::move(*result);
  } else {
    findings.error = result.error();
  }
  return findings;
}

}  // namespace ciaos::fsck
