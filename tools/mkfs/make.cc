#include "tools/mkfs/make.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "meta/changes.h"
#include "meta/first_rows.h"
#include "meta/index.h"
#include "tools/mkfs/paper_device.h"
#include "tools/mkfs/signatures.h"

namespace ciaos::mkfs {
namespace fs = std::filesystem;
namespace {

using store::StoreDevice;
using store::StoreKind;

constexpr std::size_t kLabelBytesMax = 64;
constexpr std::size_t kIndexPathBytesMax = 1023;

Status check_texts(const MakeOptions& options) {
  if (options.label.size() > kLabelBytesMax) {
    return fail(EINVAL,
                fmt::format("the label has {} bytes, at most {} fit", options.label.size(), kLabelBytesMax));
  }
  if (options.index_path.size() > kIndexPathBytesMax) {
    return fail(EINVAL, fmt::format("the index's path has {} bytes, at most {} fit",
                                    options.index_path.size(), kIndexPathBytesMax));
  }
  return {};
}

std::string index_place(const MakeOptions& options, const std::vector<Target>& targets) {
  if (!options.index_path.empty()) return options.index_path;
  if (targets.front().kind() == StoreKind::directory) return targets.front().path + "/index";
  return "/var/lib/ciaosfs/" + to_string(options.uuid);
}

// An index elsewhere may belong to a store that is alive; in a directory of ours it goes with that directory.
Status check_index_place(const MakeOptions& options, Plan& plan) {
  std::error_code error;
  const fs::path place(plan.index_path);
  if (!fs::exists(place, error)) {
    if (options.index_path.empty() || fs::is_directory(place.parent_path(), error)) return {};
    return fail(ENOENT, fmt::format("{}: there is no directory to make it in", plan.index_path));
  }
  if (!fs::is_directory(place, error)) return fail(ENOTDIR, plan.index_path);
  plan.index_in_place = !fs::is_empty(place, error);
  if (plan.index_in_place && !options.force) {
    return fail(EEXIST, fmt::format("{} is not empty; -f removes an index that is there", plan.index_path));
  }
  return {};
}

Status refuse(const MakeOptions& options, const Plan& plan) {
  for (const Target& target : plan.targets) {
    TRY_VOID(check_not_owned(target));
    if (target.holds && !options.force) {
      return fail(EEXIST, fmt::format("{} holds {}; -f overwrites it", target.path, *target.holds));
    }
    if (!target.holds_store || target.kind() != StoreKind::raw) continue;
    const auto device = TRY(store::open_store_device(target.path, store::OpenAccess::read_only, 0));
    TRY_VOID(store::check_new_name(*device, options.uuid));
  }
  return {};
}

// What this run makes of directories, to be taken back if it fails: never more than what was not there before.
class MadeDirectories {
 public:
  explicit MadeDirectories(const std::vector<Target>& targets) {
    std::error_code error;
    for (const Target& target : targets) {
      if (target.kind() != StoreKind::directory) continue;
      for (const char* part : {"/superblock", "/volumes", "/index"}) {
        if (!fs::exists(target.path + part, error)) parts_.push_back(target.path + part);
      }
      if (target.form == Target::Form::new_directory) directories_.push_back(target.path);
    }
  }
  ~MadeDirectories() {
    std::error_code ignored;  // the first error is told; this is only tidying up
    for (const std::string& path : parts_) fs::remove_all(path, ignored);
    for (const std::string& path : directories_) fs::remove(path, ignored);
  }
  MadeDirectories(const MadeDirectories&) = delete;
  MadeDirectories& operator=(const MadeDirectories&) = delete;
  void keep() {
    parts_.clear();
    directories_.clear();
  }

 private:
  std::vector<std::string> parts_;
  std::vector<std::string> directories_;
};

ByteVector first_records(const MakeOptions& options, const Plan& plan) {
  meta::FirstRows first;
  first.uid = options.uid;
  first.gid = options.gid;
  first.created = {options.created_seconds, 0};
  if (plan.targets.front().kind() == StoreKind::directory) {
    first.next_slots.assign(plan.targets.size(), 0);
    first.next_slots.front() = 1;  // volume 0 holds the first batch
  }
  return meta::encode_changes(meta::first_rows(first));
}

Status prepare_index_place(const Plan& plan) {
  if (plan.index_in_place) TRY_VOID(meta::Index::remove(plan.index_path));
  // Elsewhere than in the store, the mount makes it when it is first needed.
  if (plan.targets.front().kind() != StoreKind::directory) return {};
  std::error_code error;
  fs::create_directories(plan.index_path, error);
  if (error) return fail(error.value(), plan.index_path);
  return {};
}

}  // namespace

Result<Plan> plan_store(const MakeOptions& options) {
  TRY_VOID(check_texts(options));
  Plan plan;
  for (const std::string& path : options.stores) plan.targets.push_back(TRY(inspect(path)));
  TRY_VOID(check_together(plan.targets));
  TRY_VOID(refuse(options, plan));
  plan.index_path = index_place(options, plan.targets);
  TRY_VOID(check_index_place(options, plan));

  std::vector<std::unique_ptr<StoreDevice>> devices;
  std::vector<std::uint64_t> bytes;
  for (const Target& target : plan.targets) {
    devices.push_back(paper_device(target));
    bytes.push_back(target.bytes);
    if (auto note = filesystem_note(target)) plan.notes.push_back(std::move(*note));
  }
  plan.superblocks = TRY(store::plan_format(devices, bytes,
                                            {.uuid = options.uuid,
                                             .label = options.label,
                                             .index_path = options.index_path,
                                             .volume_bytes = options.volume_bytes,
                                             .created_seconds = options.created_seconds}));
  return plan;
}

Status make_store(const MakeOptions& options, const Plan& plan) {
  MadeDirectories made(plan.targets);
  std::vector<std::unique_ptr<StoreDevice>> devices;
  for (const Target& target : plan.targets) devices.push_back(TRY(store::create_store_device(target.path)));
  // Every device is ours now; what is done from here on cannot be taken back.
  for (const Target& target : plan.targets) {
    if (target.kind() == StoreKind::raw && target.holds) TRY_VOID(wipe_signatures(target.path));
  }
  TRY_VOID(prepare_index_place(plan));
  TRY_VOID(store::format_store(devices, plan.superblocks, first_records(options, plan)));
  made.keep();
  return {};
}

std::string geometry_text(const Plan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    const store::Superblock& superblock = plan.superblocks[i];
    text += fmt::format("store    ={:<22} kind={}, device={} of {}\n", plan.targets[i].path,
                        superblock.kind == StoreKind::raw ? "raw" : "directory", superblock.device_index + 1,
                        superblock.device_count);
    if (superblock.kind == StoreKind::raw) {
      text += fmt::format("         ={:<22} bytes={}, slots={}, first slot at {}\n", "",
                          superblock.device_bytes, superblock.slot_count, superblock.slots_begin);
    }
  }
  const store::Superblock& superblock = plan.superblocks.front();
  text +=
      fmt::format("volumes  ={:<22} bytes={}, block={}\n", "", superblock.volume_bytes, store::kBlockBytes);
  text += fmt::format("naming   ={:<22} label=\"{}\", uuid={}\n", "", superblock.label,
                      to_string(superblock.uuid));
  text += fmt::format("index    ={}\n", plan.index_path);
  return text;
}

}  // namespace ciaos::mkfs
