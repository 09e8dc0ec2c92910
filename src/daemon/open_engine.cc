#include "daemon/open_engine.h"

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
constexpr const char* kMockDirectory = "/tmp";

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

Status check_index_place(const std::string& directory) {
  std::error_code error;
  const auto kind = std::filesystem::status(directory, error).type();
  if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::directory ||
      kind == std::filesystem::file_type::none) {
    return {};
  }
  return fail(EISNAM, directory + " is where the index belongs, and no folder");
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

Result<OpenedStore> open_store(const StoreChoice& choice, const MountOptions& options, Clock& clock) {
  OpenedStore opened;
  opened.options = options.engine;
  if (choice.backend == Backend::mock) {
    opened.index_of_mock = TRY(TemporaryDirectory::make(kMockDirectory, "ciaosfs-mock-index."));
    opened.options.index_directory = opened.index_of_mock.path();
    opened.volumes = TRY(format_in_memory(options.mock_bytes, clock));
  } else {
    if (const std::string reason = store::uring_unavailable_reason(); !reason.empty()) {
      log(LogLevel::warning, "no io_uring here ({}): the slower system calls are used", reason);
    }
    opened.volumes = TRY(open_devices(choice, options));
    opened.options.index_directory = index_directory_of(
        options.engine.index_directory, opened.volumes->superblock(), opened.volumes->device(0).name());
    TRY_VOID(check_index_place(opened.options.index_directory));
  }
  opened.uuid = opened.volumes->superblock().uuid;
  if (opened.options.read_only) {
    const std::string& asked = options.engine.scratch_directory;
    opened.scratch = TRY(TemporaryDirectory::make(asked.empty() ? kScratchDirectory : asked, "ciaosfs-ro."));
    opened.options.scratch_directory = opened.scratch.path();
  }
  return opened;
}

Result<std::unique_ptr<engine::Engine>> open_engine(OpenedStore& store, Clock& clock) {
  // A store that cannot be opened is left as it was found: without the beginnings of an index that was not there.
  const bool index_is_new = !store.options.read_only && holds_nothing(store.options.index_directory);
  auto engine = engine::Engine::open(std::move(store.volumes), store.options, clock);
  if (!engine && index_is_new) empty_directory(store.options.index_directory);
  return engine;
}

}  // namespace ciaos::daemon
