#include "daemon/open_engine.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"
#include "meta/first_rows.h"
#include "store/file_device.h"
#include "store/memory_device.h"
#include "store/mkfs.h"
#include "store/volume_set.h"

namespace ciaos::daemon {
namespace {

constexpr const char* kScratchDirectory = "/var/tmp";

Result<std::unique_ptr<store::VolumeSet>> open_devices(const StoreChoice& choice,
                                                       const MountOptions& options) {
  const auto access = options.engine.read_only ? store::OpenAccess::read_only : store::OpenAccess::read_write;
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  for (const std::string& path : choice.paths) {
    devices.push_back(TRY(store::open_store_device(path, access, 1000 * options.wait_seconds)));
  }
  return store::VolumeSet::open(std::move(devices));
}

// A store that begins and ends with this process.
Result<std::unique_ptr<store::VolumeSet>> format_in_memory(std::uint64_t bytes, Clock& clock) {
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  devices.push_back(store::raw_store_device(std::make_shared<store::MemoryDevice>(bytes)));
  const Timestamp now = clock.now();
  const store::FormatOptions format{.uuid = random_uuid(), .label = "mock", .created_seconds = now.seconds};
  const auto plan = TRY(store::plan_format(devices, {bytes}, format));
  const auto records = meta::encode_changes(
      meta::first_rows({.uid = ::geteuid(), .gid = ::getegid(), .created = now, .next_slots = {0}}));
  TRY_VOID(store::format_store(devices, plan, records));
  return store::VolumeSet::open(std::move(devices));
}

// Missing, or nothing in it.
bool holds_nothing(const std::string& directory) {
  std::error_code error;
  return std::filesystem::directory_iterator(directory, error) == std::filesystem::directory_iterator();
}

void empty_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    std::filesystem::remove_all(entry->path(), ignored);
  }
}

}  // namespace

Result<TemporaryDirectory> TemporaryDirectory::make() {
  std::string path = "/tmp/ciaosfs-mock.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail(errno, path);
  TemporaryDirectory directory;
  directory.path_ = path;
  return directory;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<OpenedEngine> open_engine(const StoreChoice& choice, const MountOptions& options, Clock& clock) {
  OpenedEngine opened;
  engine::Options engine_options = options.engine;
  if (engine_options.scratch_directory.empty()) engine_options.scratch_directory = kScratchDirectory;
  std::unique_ptr<store::VolumeSet> volumes;
  if (choice.backend == Backend::mock) {
    opened.index_of_mock = TRY(TemporaryDirectory::make());
    engine_options.index_directory = opened.index_of_mock.path();
    volumes = TRY(format_in_memory(options.mock_bytes, clock));
  } else {
    if (const std::string reason = store::uring_unavailable_reason(); !reason.empty()) {
      log(LogLevel::warning, "no io_uring here ({}): the slower system calls are used", reason);
    }
    volumes = TRY(open_devices(choice, options));
    engine_options.index_directory =
        index_directory_of(options.engine.index_directory, volumes->superblock(), volumes->device(0).name());
  }
  opened.uuid = volumes->superblock().uuid;
  // A store that cannot be opened is left as it was found: without the beginnings of an index that was not there.
  const bool index_is_new = !engine_options.read_only && holds_nothing(engine_options.index_directory);
  auto engine = engine::Engine::open(std::move(volumes), engine_options, clock);
  if (!engine && index_is_new) empty_directory(engine_options.index_directory);
  opened.engine = TRY(std::move(engine));
  return opened;
}

}  // namespace ciaos::daemon
