// A store whose rows a test may set as it likes: what the engine would never write is what fsck is for. Raw and in memory,
// or in a folder for what only such stores have.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "meta/changes.h"
#include "store/log_writer.h"
#include "store/memory_device.h"
#include "store/volume_pool.h"
#include "store/volume_set.h"
#include "support/interposed_device.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct Findings {
  std::vector<std::string> lines;
  std::vector<std::uint64_t> counts;  // by problem
  std::uint64_t errors = 0;
  bool fatal = false;
  std::optional<CheckResult> result;
  Error error;

  std::uint64_t count(Problem problem) const { return counts[static_cast<std::size_t>(problem)]; }
  std::string text() const;
};

class BrokenStore {
 public:
  static constexpr std::uint64_t kDeviceBytes = 32 << 20;
  static constexpr std::uint64_t kVolumeBytes = 2 << 20;

  // Formatted, with an empty root.
  explicit BrokenStore(std::string folder = {});
  ~BrokenStore();

  // Rows as they will be after the next commit(); tests change them at will.
  meta::Changes& rows() { return rows_; }
  meta::InodeRow& inode(InodeId id) { return *rows_.inodes.at(id); }
  meta::ExtentRow& extent(InodeId file, std::uint64_t offset) { return *rows_.extents.at({file, offset}); }
  std::optional<meta::NameRow>& name(InodeId parent, const std::string& name) {
    return rows_.names.at({parent, name});
  }

  // All of these keep every count right.
  InodeId add_directory(InodeId parent, const std::string& name);
  InodeId add_file(InodeId parent, const std::string& name, const std::string& contents);
  InodeId add_symlink(InodeId parent, const std::string& name, const std::string& target);

  NeedlePlace append(store::NeedleKind kind, InodeId inode, std::uint64_t file_offset, ByteSpan payload);
  // What changed in the rows since the last commit becomes a batch.
  TxnRef commit();
  TxnRef commit_records(ByteSpan records);
  // Writes all rows as a snapshot of the last batch and names it in the superblocks.
  NeedlePlace write_snapshot();

  // Turns one bit of the device, behind everybody's back.
  void flip(const VolumePosition& at);
  void flip_device(std::uint64_t device_offset);
  void wipe_device(std::uint64_t device_offset, std::uint64_t bytes);
  // The first copy of a raw store's superblock, and both, counter and all.
  void put_first_superblock(const store::Superblock& superblock);
  void put_superblocks(const store::Superblock& superblock);
  // From now on the device refuses to read what lies there.
  void refuse_to_read(const VolumePosition& at, std::uint64_t bytes);
  VolumePosition tail() const { return writer_->tail(); }
  store::VolumeSet& volumes() { return *volumes_; }
  const Uuid& uuid() const { return uuid_; }

  // The last batch that the device holds now, whoever wrote it.
  TxnRef log_end();
  // Fills an index in `directory` as a mount would, up to the end of the log.
  void build_index(const std::string& directory);

  // With answers, repairs as well.
  Findings check(const std::string& index_directory, CheckOptions options = {},
                 const Answers* answers = nullptr);
  static Findings check_devices(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                                const CheckOptions& options, const Answers* answers);
  std::vector<std::unique_ptr<store::StoreDevice>> devices() const;
  // What the device holds now.
  std::shared_ptr<store::MemoryDevice> image() const;

 private:
  InodeId add_inode(InodeId parent, const std::string& name, meta::InodeRow row);
  std::uint64_t& counter(meta::Counter key) {
    return rows_.counters.at(static_cast<std::uint32_t>(key))->value;
  }

  const std::string folder_;
  Uuid uuid_;
  std::shared_ptr<store::MemoryDevice> memory_;
  std::shared_ptr<test::InterposedDevice> device_;
  std::unique_ptr<store::VolumeSet> volumes_;
  std::unique_ptr<store::VolumePool> pool_;
  std::unique_ptr<store::LogWriter> writer_;
  TxnRef last_;
  meta::Changes rows_;
  meta::Changes committed_;
};

}  // namespace ciaos::fsck
