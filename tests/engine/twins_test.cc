// Twins of large files: what the kernel may read by itself is what was verified, no more and no less.
#include "engine/twins.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "meta/first_rows.h"
#include "store/mkfs.h"
#include "support/copying_store_device.h"
#include "support/engine_fixture.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kMib = 1u << 20;

class TwinsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(std::move(store::create_store_device(path_)).value());
    const std::uint64_t capacity = devices.front()->capacity_bytes().value();
    const auto plan = store::plan_format(devices, {capacity}, {.uuid = {{7}}, .volume_bytes = 16 * kMib});
    ASSERT_TRUE(plan.ok()) << to_string(plan.error());
    const meta::Changes rows = meta::first_rows({.created = clock_.now()});
    ASSERT_TRUE(store::format_store(devices, *plan, meta::encode_changes(rows)).ok());
    devices.clear();
    open();
  }
  void open() {
    engine_.reset();
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(std::make_unique<test::CopyingStoreDevice>(
        std::move(store::open_store_device(path_, store::OpenAccess::read_write, 1000)).value(), sharing_));
    Options options;
    options.index_directory = directory_.path() + "/index";
    options.background = false;
    options.header_cache_bytes = header_cache_bytes_;
    auto opened =
        Engine::open(std::move(store::VolumeSet::open(std::move(devices))).value(), options, clock_);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    engine_ = *std::move(opened);
    engine_->twins().begin(
        [this](InodeId, std::uint64_t begin, std::uint64_t end) { unneeded_.emplace_back(begin, end); });
  }

  // A file that is in needles, each of a MiB.
  InodeId put(const std::string& name, const std::string& bytes) {
    const auto made = engine_->create({}, kRootInode, name, 0600);
    EXPECT_TRUE(made.ok());
    write(made->inode, 0, bytes);
    return made->inode;
  }
  void write(InodeId inode, std::uint64_t offset, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += kMib) {
      const std::string piece = bytes.substr(at, kMib);
      EXPECT_EQ(*engine_->write(inode, offset + at, as_bytes(piece), {}), piece.size());
    }
    EXPECT_TRUE(engine_->commit().ok());
  }
  void finish(InodeId inode) {
    engine_->twins().finish(inode, [] { return true; });
  }
  std::shared_ptr<const Twin> opened(InodeId inode) {
    return engine_->twins().open(engine_->getattr(inode).value());
  }
  Result<std::string> read(InodeId inode, std::uint64_t offset, std::uint64_t bytes) {
    std::string into(bytes, '?');
    into.resize(TRY(engine_->read(inode, offset, std::as_writable_bytes(std::span(into)))));
    return into;
  }
  // As the kernel reads ahead.
  Result<std::string> read_forward(InodeId inode) {
    const std::uint64_t size = engine_->getattr(inode)->size;
    std::string whole;
    for (std::uint64_t at = 0; at < size; at += kMib / 4) whole += TRY(read(inode, at, kMib / 4));
    return whole;
  }
  static std::string bytes_of(const Twin& twin) {
    struct stat about {};
    EXPECT_EQ(::fstat(twin.descriptor(), &about), 0);
    std::string bytes(static_cast<std::size_t>(about.st_size) + 4096, '?');
    const ssize_t got = ::pread(twin.descriptor(), bytes.data(), bytes.size(), 0);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
  }
  // One byte in the middle of what is stored of the file's MiB number `number`.
  void damage(InodeId inode, std::uint64_t number) {
    Leases::Holder holder(engine_->leases());
    const auto pieces = engine_->lease(holder, inode, number * kMib, kMib, 8);
    ASSERT_TRUE(pieces.ok() && pieces->size() == 1);
    const NeedlePlace& needle = pieces->front().needle;
    const std::string path = path_ + "/volumes/" + std::to_string(slot_of(needle.at.volume));
    const UniqueFd volume(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const auto at = static_cast<off_t>(needle.at.offset + kMib / 2);
    char byte = 0;
    ASSERT_EQ(::pread(volume.get(), &byte, 1, at), 1);
    byte = static_cast<char>(byte ^ 4);
    ASSERT_EQ(::pwrite(volume.get(), &byte, 1, at), 1);
  }

  test::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/store";
  test::ManualClock clock_;
  test::Sharing sharing_;
  std::uint64_t header_cache_bytes_ = 32 * kMib;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unneeded_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(TwinsTest, WhatWasReadForwardIsWholeAndEndsWhereTheFileDoes) {
  const std::string text = test::pattern(3 * kMib + 1234);
  const InodeId file = put("file", text);
  EXPECT_EQ(opened(file), nullptr) << "nothing of it is verified";
  EXPECT_EQ(*read_forward(file), text);
  const auto twin = opened(file);
  ASSERT_NE(twin, nullptr);
  EXPECT_EQ(bytes_of(*twin), text);
  EXPECT_EQ(sharing_.ranges, 3u) << "what is less than a block was copied";
  EXPECT_EQ(unneeded_.back(), (std::pair<std::uint64_t, std::uint64_t>(0, text.size())));
  EXPECT_EQ(engine_->statistics().twins.whole, 1u);
  EXPECT_EQ(engine_->statistics().twins.whole_bytes, text.size());
}

TEST_F(TwinsTest, AFileThatIsNotReadWholeIsNotPassedOn) {
  const InodeId file = put("file", test::pattern(4 * kMib));
  (void)opened(file);
  for (std::uint64_t at = 0; at < 3 * kMib; at += kMib) ASSERT_TRUE(read(file, at, kMib).ok());
  EXPECT_EQ(opened(file), nullptr);
  engine_->twins().finish(file, [] { return false; });
  EXPECT_EQ(opened(file), nullptr) << "somebody wants to unmount";
  finish(file);
  const auto twin = opened(file);
  ASSERT_NE(twin, nullptr) << "what little was missing is read when nobody waits for it";
  EXPECT_EQ(bytes_of(*twin), test::pattern(4 * kMib));
}

TEST_F(TwinsTest, LittleOfAFileIsNoReasonToReadTheRest) {
  const InodeId file = put("file", test::pattern(4 * kMib));
  (void)opened(file);
  ASSERT_TRUE(read(file, 0, kMib).ok());
  finish(file);
  EXPECT_EQ(opened(file), nullptr);
}

TEST_F(TwinsTest, ReadsHereAndThereShareNothing) {
  const InodeId file = put("file", test::pattern(8 * kMib));
  (void)opened(file);
  for (const std::uint64_t at : {5 * kMib, 3 * kMib, 6 * kMib + 4096})
    EXPECT_EQ(*read(file, at, 4096), test::pattern(8 * kMib).substr(at, 4096));
  EXPECT_EQ(sharing_.ranges, 0u);
}

TEST_F(TwinsTest, SmallFilesHaveNone) {
  const InodeId file = put("file", test::pattern(kTwinBytesMin - 1));
  (void)opened(file);
  ASSERT_TRUE(read_forward(file).ok());
  EXPECT_EQ(opened(file), nullptr);
  EXPECT_EQ(sharing_.ranges, 0u);
}

TEST_F(TwinsTest, HolesAreZeros) {
  const InodeId file = put("file", test::pattern(kMib));
  write(file, 3 * kMib, test::pattern(kMib, 'k'));
  (void)opened(file);
  ASSERT_TRUE(read_forward(file).ok());
  const auto twin = opened(file);
  ASSERT_NE(twin, nullptr);
  EXPECT_EQ(bytes_of(*twin), test::pattern(kMib) + std::string(2 * kMib, '\0') + test::pattern(kMib, 'k'));
}

// Invariant 4.
TEST_F(TwinsTest, DamageIsAnErrorAndPassedOnToNobody) {
  const InodeId file = put("file", test::pattern(4 * kMib));
  damage(file, 2);
  (void)opened(file);
  EXPECT_EQ(read_forward(file).code(), EUCLEAN);
  EXPECT_TRUE(read(file, 0, kMib).ok());
  EXPECT_TRUE(read(file, 3 * kMib, kMib).ok());
  finish(file);
  EXPECT_EQ(opened(file), nullptr);
}

TEST_F(TwinsTest, WhatTheTwinShowsIsVerifiedAndNotOnlyWhatTheVolumeDoes) {
  const std::string text = test::pattern(4 * kMib);
  const InodeId file = put("file", text);
  sharing_.on_the_way = [](MutableByteSpan bytes) { bytes[bytes.size() / 2] ^= std::byte{1}; };
  (void)opened(file);
  EXPECT_EQ(*read_forward(file), text) << "the volume has the right ones";
  EXPECT_EQ(opened(file), nullptr);
}

TEST_F(TwinsTest, WhereNoBlocksAreSharedFilesAreReadAsEver) {
  const std::string text = test::pattern(2 * kMib + 7);
  const InodeId file = put("file", text);
  EXPECT_TRUE(engine_->twins().check_possible().ok());
  sharing_.answer = fail(EOPNOTSUPP);
  EXPECT_EQ(engine_->twins().check_possible().code(), EOPNOTSUPP);
  (void)opened(file);
  EXPECT_EQ(*read_forward(file), text);
  EXPECT_EQ(opened(file), nullptr);
}

TEST_F(TwinsTest, AChangedFileHasAnotherOne) {
  const std::string text = test::pattern(2 * kMib);
  const InodeId file = put("file", text);
  (void)opened(file);
  ASSERT_TRUE(read_forward(file).ok());
  const auto old = opened(file);
  ASSERT_NE(old, nullptr);
  write(file, kMib, test::pattern(kMib, 'q'));
  EXPECT_EQ(opened(file), nullptr);
  EXPECT_EQ(bytes_of(*old), text) << "whoever had it opened before keeps it";
  EXPECT_EQ(*read_forward(file), text.substr(0, kMib) + test::pattern(kMib, 'q'));
  const auto now = opened(file);
  ASSERT_NE(now, nullptr);
  EXPECT_EQ(bytes_of(*now), text.substr(0, kMib) + test::pattern(kMib, 'q'));
}

TEST_F(TwinsTest, AFileThatChangesWhileItIsReadIsReadAsItIs) {
  const InodeId file = put("file", test::pattern(4 * kMib));
  (void)opened(file);
  ASSERT_TRUE(read(file, 0, 2 * kMib).ok());
  const std::string more = test::pattern(kMib, 'z');
  ASSERT_TRUE(engine_->write(file, 2 * kMib, as_bytes(more), {}).ok());
  EXPECT_EQ(*read(file, 2 * kMib, kMib), more) << "what is in memory only";
  EXPECT_EQ(*read(file, 3 * kMib, kMib), test::pattern(4 * kMib).substr(3 * kMib));
  finish(file);
  EXPECT_EQ(opened(file), nullptr);
}

TEST_F(TwinsTest, AFewPiecesThatAreNoBlocksAreCopied) {
  const InodeId file = put("file", test::pattern(2 * kMib));
  write(file, 1000, test::pattern(5000, 'o'));
  std::string text = test::pattern(2 * kMib);
  text.replace(1000, 5000, test::pattern(5000, 'o'));
  (void)opened(file);
  EXPECT_EQ(*read_forward(file), text);
  EXPECT_EQ(opened(file), nullptr) << "the rest of that MiB is a piece which is too long";
  const InodeId other = put("other", test::pattern(2 * kMib) + test::pattern(3000, 'e'));
  (void)opened(other);
  EXPECT_EQ(*read_forward(other), test::pattern(2 * kMib) + test::pattern(3000, 'e'));
  const auto twin = opened(other);
  ASSERT_NE(twin, nullptr);
  EXPECT_EQ(bytes_of(*twin), test::pattern(2 * kMib) + test::pattern(3000, 'e'));
  EXPECT_EQ(sharing_.ranges, 2u);
}

TEST_F(TwinsTest, WhoIsHandedOneKeepsItAndTheOthersMakeRoom) {
  header_cache_bytes_ = 4 * 3 * Twin::memory_of(2 * kMib);
  open();
  std::vector<InodeId> files;
  for (const char* name : {"a", "b", "c", "d", "e"}) files.push_back(put(name, test::pattern(2 * kMib)));
  (void)opened(files[0]);
  ASSERT_TRUE(read_forward(files[0]).ok());
  const auto kept = opened(files[0]);
  ASSERT_NE(kept, nullptr);
  for (const InodeId file : files) {
    (void)opened(file);
    ASSERT_TRUE(read_forward(file).ok());
  }
  EXPECT_EQ(engine_->statistics().twins.whole, 3u);
  EXPECT_EQ(opened(files[0]), kept);
  engine_->drop_caches();
  EXPECT_EQ(engine_->statistics().twins.whole, 1u);
  EXPECT_EQ(opened(files[4]), nullptr);
}

}  // namespace
}  // namespace ciaos::engine
