#include "fuse/ring_verbs.h"

#include <fcntl.h>
#include <linux/fuse.h>

#include <string>

#include "support/engine_fixture.h"

namespace ciaos::fuse {
namespace {

struct RingVerbs : test::EngineTest {
  static ByteVector request(std::uint32_t opcode, InodeId inode, std::string_view rest = {}) {
    fuse_in_header header{};
    header.opcode = opcode;
    header.nodeid = inode.value();
    header.len = static_cast<std::uint32_t>(sizeof header + rest.size());
    const auto bytes = std::as_bytes(std::span(&header, 1));
    ByteVector out(bytes.begin(), bytes.end());
    out.insert(out.end(), as_bytes(rest).begin(), as_bytes(rest).end());
    return out;
  }
  template <typename Struct>
  static std::string_view text_of(const Struct& part) {
    return as_text(std::as_bytes(std::span(&part, 1)));
  }
  static ByteVector read_request(InodeId inode, std::uint32_t bytes) {
    fuse_read_in read{};
    read.size = bytes;
    return request(FUSE_READ, inode, text_of(read));
  }
  bool quick(const ByteVector& bytes, bool crowded = false) {
    return is_quick(store.engine(), bytes, crowded);
  }
};

TEST_F(RingVerbs, WhatIsInMemoryIsQuick) {
  shell().put("/file", "text");
  const InodeId file = shell().inode("/file");
  const std::string name("file\0", 5);
  EXPECT_TRUE(quick(request(FUSE_LOOKUP, kRootInode, name)));
  EXPECT_TRUE(quick(request(FUSE_GETATTR, file)));
  EXPECT_TRUE(quick(read_request(file, 128 << 10)));
  EXPECT_TRUE(quick(request(FUSE_OPEN, file, text_of(fuse_open_in{}))));
}

TEST_F(RingVerbs, WhatOnlyTheIndexHasIsNot) {
  shell().put("/file", "text");
  const InodeId file = shell().inode("/file");
  ASSERT_TRUE(store.close().ok());
  store.open();
  EXPECT_FALSE(quick(request(FUSE_LOOKUP, kRootInode, std::string("file\0", 5))));
  EXPECT_FALSE(quick(request(FUSE_GETATTR, file)));
  EXPECT_FALSE(quick(read_request(file, 4096)));
}

TEST_F(RingVerbs, WhatReadsAheadIsNot) {
  shell().put("/file", "text");
  const InodeId file = shell().inode("/file");
  EXPECT_FALSE(quick(read_request(file, 1 << 20)));
}

TEST_F(RingVerbs, ANameThatIsKnownToBeAbsentIsQuick) {
  EXPECT_FALSE(quick(request(FUSE_LOOKUP, kRootInode, std::string("none\0", 5))));
  EXPECT_EQ(store->lookup(kRootInode, "none").code(), ENOENT);
  EXPECT_TRUE(quick(request(FUSE_LOOKUP, kRootInode, std::string("none\0", 5))));
}

TEST_F(RingVerbs, SoIsEveryNameInADirectoryThatWasMadeJustNow) {
  shell().mkdir("/new");
  EXPECT_TRUE(quick(request(FUSE_LOOKUP, shell().inode("/new"), std::string("none\0", 5))));
}

TEST_F(RingVerbs, WhatMayWaitForADeviceIsNot) {
  shell().put("/file", "text");
  const InodeId file = shell().inode("/file");
  fuse_open_in truncating{};
  truncating.flags = O_WRONLY | O_TRUNC;
  fuse_write_in synced{};
  synced.flags = O_WRONLY | O_DSYNC;
  EXPECT_FALSE(quick(request(FUSE_OPEN, file, text_of(truncating))));
  EXPECT_FALSE(quick(request(FUSE_WRITE, file, text_of(synced))));
  for (const std::uint32_t opcode : {FUSE_FSYNC, FUSE_FSYNCDIR, FUSE_UNLINK, FUSE_RENAME2, FUSE_READDIRPLUS,
                                     FUSE_FALLOCATE, FUSE_COPY_FILE_RANGE, FUSE_SETATTR, FUSE_GETXATTR}) {
    EXPECT_FALSE(quick(request(opcode, file))) << opcode;
  }
}

TEST_F(RingVerbs, ChangesOfAStoreWithLittleRoomMayHaveToMakeSome) {
  shell().put("/file", "text");
  fuse_write_in write{};
  write.flags = O_WRONLY;
  EXPECT_FALSE(quick(request(FUSE_WRITE, shell().inode("/file"), text_of(write))));
}

TEST_F(RingVerbs, AReaderBehindWhomSomebodyWaitedIsHandedOver) {
  shell().put("/file", "text");
  EXPECT_TRUE(quick(read_request(shell().inode("/file"), 4096)));
  EXPECT_FALSE(quick(read_request(shell().inode("/file"), 4096), /*crowded=*/true));
  EXPECT_TRUE(quick(request(FUSE_GETATTR, shell().inode("/file")), /*crowded=*/true));
}

}  // namespace
}  // namespace ciaos::fuse
