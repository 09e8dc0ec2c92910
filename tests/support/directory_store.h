// A directory store in a folder of its own, whose volumes are files, and the engine on it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "meta/first_rows.h"
#include "store/mkfs.h"
#include "store/volume_set.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace ciaos::test {

// Nothing runs in the background, as in TestStore.
class DirectoryStoreTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kVolumeBytes = 8u << 20;

  void SetUp() override {
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(std::move(store::create_store_device(path_)).value());
    const std::uint64_t capacity = devices.front()->capacity_bytes().value();
    const store::FormatOptions format{.uuid = {{7}}, .volume_bytes = kVolumeBytes};
    const auto plan = store::plan_format(devices, {capacity}, format);
    ASSERT_TRUE(plan.ok()) << to_string(plan.error());
    const meta::Changes rows = meta::first_rows({.created = clock_.now()});
    ASSERT_TRUE(store::format_store(devices, *plan, meta::encode_changes(rows)).ok());
    devices.clear();
    open();
  }
  void open() {
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(
        std::move(store::open_store_device(path_, store::OpenAccess::read_write, 1000)).value());
    engine::Options options;
    options.index_directory = directory_.path() + "/index";
    options.background = false;
    auto opened =
        engine::Engine::open(std::move(store::VolumeSet::open(std::move(devices))).value(), options, clock_);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    engine_ = *std::move(opened);
  }
  std::string volume_path(VolumeId volume) const {
    return path_ + "/volumes/" + std::to_string(slot_of(volume));
  }
  std::uint64_t allocated() {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_ + "/volumes")) {
      struct stat status {};
      EXPECT_EQ(::stat(entry.path().c_str(), &status), 0);
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    return bytes;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/store";
  ManualClock clock_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace ciaos::test
