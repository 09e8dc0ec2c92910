// Reads of files that are begun by who must not wait, and what becomes of them while they are under way.
#include "engine/reads.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"
#include "support/directory_store.h"
#include "support/held_reads.h"

namespace ciaos::engine {
namespace {

using State = store::BegunNeedle::State;

class ReadsTest : public test::DirectoryStoreTest {
 protected:
  void TearDown() override { starter_.end_all(); }

  InodeId put(const std::string& name, const std::string& bytes) {
    const InodeId inode = engine_->create({}, kRootInode, name, 0600).value().inode;
    write(inode, bytes);
    return inode;
  }
  void write(InodeId inode, const std::string& bytes) {
    ASSERT_TRUE(engine_->write(inode, 0, as_bytes(bytes), {}).ok());
    ASSERT_TRUE(engine_->commit().ok());
  }
  BegunRead begin(InodeId inode, std::uint64_t offset, std::size_t bytes) {
    const ReadStarter::Runs runs(starter_);
    got_.assign(bytes, '\0');
    return engine_->reads().begin(inode, offset, std::as_writable_bytes(std::span(got_)));
  }
  std::string end(const BegunRead& begun) {
    const auto bytes = engine_->reads().end(begun);
    return bytes ? got_.substr(0, *bytes) : "error " + std::to_string(bytes.code());
  }

  test::HeldReads starter_;
  std::string got_;
};

TEST_F(ReadsTest, WhatWasBegunIsAnsweredWhenItsDeviceHas) {
  const InodeId file = put("file", std::string(10000, 'a'));
  const BegunRead begun = begin(file, 4000, 50000);
  ASSERT_EQ(begun.state, State::under_way);
  starter_.end_all();
  EXPECT_EQ(end(begun), std::string(6000, 'a'));
}

TEST_F(ReadsTest, WhatIsInMemoryOrBehindTheEndIsThereAtOnce) {
  const InodeId file = put("file", std::string(10000, 'a'));
  EXPECT_EQ(begin(file, 10000, 100).state, State::at_once);
  ASSERT_TRUE(engine_->write(file, 0, as_bytes(std::string(10000, 'b')), {}).ok());
  EXPECT_EQ(begin(file, 0, 100).state, State::at_once);
  EXPECT_EQ(starter_.count(), 0u);
}

TEST_F(ReadsTest, WhatOnlyTheIndexHasMayWait) {
  const InodeId file = put("file", std::string(10000, 'a'));
  ASSERT_TRUE(engine_->close().ok());
  engine_.reset();
  open();
  EXPECT_EQ(begin(file, 0, 100).state, State::may_wait);
}

TEST_F(ReadsTest, ADeviceThatRefusesOnceIsAskedOnceMore) {
  const InodeId file = put("file", std::string(10000, 'a'));
  const BegunRead begun = begin(file, 0, 10000);
  starter_.fail_all(EIO);
  EXPECT_EQ(end(begun), std::string(10000, 'a'));
}

TEST_F(ReadsTest, BytesThatHaveGoneMeanwhileAreLookedForAnew) {
  const InodeId file = put("file", std::string(100000, 'a'));
  const BegunRead begun = begin(file, 0, 100000);
  ASSERT_EQ(begun.state, State::under_way);
  write(file, std::string(100000, 'b'));
  // As if the dead needle had been punched out.
  const UniqueFd volume(::open(volume_path(begun.needle.at.volume).c_str(), O_WRONLY | O_CLOEXEC));
  const std::string zeros(65536, '\0');
  ASSERT_EQ(::pwrite(volume.get(), zeros.data(), zeros.size(), static_cast<off_t>(begun.needle.at.offset)),
            static_cast<ssize_t>(zeros.size()));
  starter_.end_all();
  EXPECT_EQ(end(begun), std::string(100000, 'b'));
}

TEST_F(ReadsTest, WhatIsUnderWayKeepsNobodyFromGivingVolumesBack) {
  const InodeId file = put("file", std::string(100000, 'a'));
  const InodeId large = put("large", std::string(2 * kVolumeBytes, 'b'));
  const BegunRead begun = begin(file, 0, 100000);
  ASSERT_EQ(begun.state, State::under_way);
  for (const char* name : {"file", "large"}) ASSERT_TRUE(engine_->unlink(kRootInode, name).ok());
  for (const InodeId inode : {file, large}) {
    engine_->release(inode);
    engine_->forget(inode, 1);
  }
  ASSERT_TRUE(engine_->commit().ok());
  ASSERT_TRUE(engine_->settle().ok());
  while (engine_->compact(/*pressed=*/true).value()) {
  }
  EXPECT_GT(engine_->statistics().volumes_freed, 0u);
  starter_.end_all();
  EXPECT_EQ(end(begun), std::string(100000, 'a'));  // of an open file of the host, as of any
}

TEST_F(ReadsTest, ASmallFileThatIsExpectedToBeReadIsOnItsWay) {
  const InodeId file = put("file", std::string(10000, 'a'));
  {
    const ReadStarter::Runs runs(starter_);
    engine_->reads().expect(file);
  }
  EXPECT_EQ(starter_.count(), 1u);
  const BegunRead begun = begin(file, 0, 10000);
  ASSERT_EQ(begun.state, State::under_way);
  EXPECT_EQ(starter_.count(), 1u);
  starter_.end_all();
  EXPECT_EQ(end(begun), std::string(10000, 'a'));
}

TEST_F(ReadsTest, ALargeOneOrOneThatIsInMemoryIsNot) {
  const ReadStarter::Runs runs(starter_);
  engine_->reads().expect(put("large", std::string(300000, 'a')));
  const InodeId file = put("file", std::string(10000, 'a'));
  ASSERT_TRUE(engine_->write(file, 0, as_bytes("b"), {}).ok());
  engine_->reads().expect(file);
  engine_->reads().expect(kRootInode);
  engine_->reads().expect(InodeId(4711));
  EXPECT_EQ(starter_.count(), 0u);
}

TEST_F(ReadsTest, WhoReadsForwardFindsWhatComesNext) {
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += std::string(1u << 20, static_cast<char>('a' + i));
  const InodeId file = put("file", bytes);
  ByteVector got(1u << 20);
  for (std::uint64_t at = 0; at < bytes.size(); at += got.size()) {
    ASSERT_EQ(engine_->read(file, at, got).value(), got.size());
    EXPECT_EQ(as_text(got), bytes.substr(at, got.size()));
  }
  EXPECT_GE(engine_->statistics().reader.reads_ahead_wanted, 3u);
}

}  // namespace
}  // namespace ciaos::engine
