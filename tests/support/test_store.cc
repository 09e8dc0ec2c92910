#include "support/test_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "meta/first_rows.h"
#include "store/format.h"
#include "store/memory_device.h"
#include "store/mkfs.h"
#include "store/volume_set.h"
#include "support/directory_on_device.h"

namespace ciaos::test {

namespace fs = std::filesystem;

namespace {

std::shared_ptr<store::Device> formatted_memory(const StoreShape& shape) {
  auto device = std::make_shared<store::MemoryDevice>(shape.device_bytes());
  format_device(device, shape);
  return device;
}

std::unique_ptr<store::StoreDevice> store_device(std::shared_ptr<store::Device> device,
                                                 store::StoreKind kind) {
  return kind == store::StoreKind::raw ? store::raw_store_device(std::move(device))
                                       : directory_on_device(std::move(device));
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::string bytes(static_cast<std::size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(file.good()) << path;
  return bytes;
}

}  // namespace

std::uint64_t StoreShape::device_bytes() const {
  return store::kSlotsBegin + volumes * volume_bytes + store::kSlotsBegin;
}

void format_device(const std::shared_ptr<store::Device>& device, const StoreShape& shape) {
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  devices.push_back(store_device(device, shape.kind));
  const store::FormatOptions format{.uuid = shape.uuid, .volume_bytes = shape.volume_bytes};
  const auto plan = store::plan_format(devices, {device->size()}, format);
  ASSERT_TRUE(plan.ok()) << to_string(plan.error());
  const meta::Changes rows = meta::first_rows({.created = ManualClock().now()});
  const Status formatted = store::format_store(devices, *plan, meta::encode_changes(rows));
  ASSERT_TRUE(formatted.ok()) << to_string(formatted.error());
}

TestStore::TestStore(const StoreShape& shape)
    : TestStore(formatted_memory(shape), std::make_shared<ManualClock>(), shape.kind) {}

TestStore::TestStore(std::shared_ptr<store::Device> device, std::shared_ptr<ManualClock> time,
                     store::StoreKind kind)
    : clock(std::move(time)), kind_(kind), device_(std::make_shared<InterposedDevice>(std::move(device))) {
  options.index_directory = directory_.path() + "/index";
  options.scratch_directory = directory_.path();
  options.background = false;
  options.index_reserve_bytes = 0;  // hundreds of stores at once
}

TestStore::~TestStore() { kill(); }

Status TestStore::try_open() {
  CIAOS_ASSERT(engine_ == nullptr);
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  devices.push_back(store_device(device_, kind_));
  auto volumes = TRY(store::VolumeSet::open(std::move(devices)));
  engine_ = TRY(engine::Engine::open(std::move(volumes), options, *clock));
  return {};
}

void TestStore::open() {
  const Status opened = try_open();
  EXPECT_TRUE(opened.ok()) << to_string(opened.error());
}

Status TestStore::close() {
  const Status closed = engine().close();
  engine_.reset();
  return closed;
}

void TestStore::reopen() {
  const Status closed = close();
  EXPECT_TRUE(closed.ok()) << to_string(closed.error());
  open();
}

engine::Engine& TestStore::engine() {
  CIAOS_ASSERT(engine_ != nullptr);
  return *engine_;
}

ByteVector TestStore::device_bytes() {
  store::IoBuffer bytes(device_->size());
  const Status read = device_->read(0, bytes.span());
  EXPECT_TRUE(read.ok()) << to_string(read.error());
  return {bytes.data(), bytes.data() + bytes.size()};
}

IndexCopy TestStore::copy_index() const {
  IndexCopy copy;
  if (!fs::exists(options.index_directory)) return copy;
  for (const auto& file : fs::directory_iterator(options.index_directory)) {
    copy[file.path().filename().string()] = bytes_of(file.path());
  }
  return copy;
}

void TestStore::put_index(const IndexCopy& copy) {
  CIAOS_ASSERT(engine_ == nullptr);
  fs::remove_all(options.index_directory);
  if (copy.empty()) return;
  fs::create_directories(options.index_directory);
  for (const auto& [name, bytes] : copy) {
    std::ofstream(fs::path(options.index_directory) / name, std::ios::binary) << bytes;
  }
}

}  // namespace ciaos::test
