// Access control lists: their bytes, and how they and the modes of inodes follow each other (doc/semantics.md, P20).
#include "engine/acl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using engine::Acl;
using engine::AclTag;
using engine::Attributes;
using engine::Caller;
using engine::kAccessAclName;
using engine::kDefaultAclName;
using engine::XattrMode;

constexpr std::uint32_t kBob = 1001;
constexpr Caller kAlice{.uid = 1000, .gid = 1000, .umask = 022, .groups = {}};

// user::rwx, user:bob:rw-, group::r-x, mask::mask, other::r--
Acl bob_may_write(std::uint16_t mask = 7) {
  return {{AclTag::owner, 7, 0},
          {AclTag::user, 6, kBob},
          {AclTag::owning_group, 5, 0},
          {AclTag::mask, mask, 0},
          {AclTag::other, 4, 0}};
}

Acl minimal(std::uint32_t mode) {
  const auto bits = [&](int shift) { return static_cast<std::uint16_t>(mode >> shift & 7); };
  return {{AclTag::owner, bits(6), 0}, {AclTag::owning_group, bits(3), 0}, {AclTag::other, bits(0), 0}};
}

// --- bytes ---

TEST(AclBytes, AreThoseOfTheKernel) {
  using namespace std::string_literals;
  const std::string bytes =
      "\x02\0\0\0"s
      "\x01\0\x07\0\xFF\xFF\xFF\xFF"s
      "\x02\0\x06\0\xE9\x03\0\0"s
      "\x04\0\x05\0\xFF\xFF\xFF\xFF"s
      "\x10\0\x07\0\xFF\xFF\xFF\xFF"s
      "\x20\0\x04\0\xFF\xFF\xFF\xFF"s;
  EXPECT_EQ(engine::encode_acl(bob_may_write()), bytes);
  EXPECT_EQ(**engine::decode_acl(bytes), bob_may_write());
}

TEST(AclBytes, AHeaderAloneIsNoList) {
  EXPECT_EQ(engine::decode_acl(engine::encode_acl({}))->has_value(), false);
}

TEST(AclBytes, WhatIsNotValidIsRefused) {
  const auto code = [](const Acl& acl) { return engine::decode_acl(engine::encode_acl(acl)).code(); };
  const auto damaged = [](std::size_t at, char byte) {
    std::string bytes = engine::encode_acl(bob_may_write());
    bytes[at] = byte;
    return engine::decode_acl(bytes).code();
  };
  EXPECT_EQ(code(bob_may_write()), 0);
  EXPECT_EQ(damaged(0, 3), EOPNOTSUPP) << "another version";
  EXPECT_EQ(damaged(4, 64), EINVAL) << "an unknown tag";
  EXPECT_EQ(damaged(6, 8), EINVAL) << "a fourth permission";
  for (std::size_t bytes = 0; bytes < 4 + 5 * 8; ++bytes) {
    const std::string whole = engine::encode_acl(bob_may_write());
    if (bytes != 4) EXPECT_EQ(engine::decode_acl(whole.substr(0, bytes)).code(), EINVAL) << bytes;
  }
  for (const std::size_t left_out : {0u, 2u, 3u, 4u}) {
    Acl acl = bob_may_write();
    acl.erase(acl.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_EQ(code(acl), EINVAL) << "without entry " << left_out;
  }
  Acl twice = bob_may_write();
  twice.push_back(twice.back());
  EXPECT_EQ(code(twice), EINVAL);
  Acl disorder = bob_may_write();
  std::swap(disorder[0], disorder[1]);
  EXPECT_EQ(code(disorder), EINVAL);
  Acl nobody = bob_may_write();
  nobody[1].id = 0xFFFF'FFFF;
  EXPECT_EQ(code(nobody), EINVAL);
}

// --- lists and modes ---

TEST(AclAndMode, TheGroupsBitsAreTheMaskWhereThereIsOne) {
  EXPECT_EQ(engine::permissions_of(bob_may_write(6)), 0764u);
  EXPECT_EQ(engine::permissions_of(minimal(0751)), 0751u);
  EXPECT_TRUE(engine::says_no_more_than_mode(minimal(0751)));
  EXPECT_FALSE(engine::says_no_more_than_mode(bob_may_write()));
  Acl acl = bob_may_write(7);
  engine::apply_mode(acl, 0610);
  EXPECT_EQ(engine::permissions_of(acl), 0610u);
  EXPECT_EQ(acl[2], bob_may_write()[2]) << "the owning group's own entry stays behind the mask";
  acl = minimal(0777);
  engine::apply_mode(acl, 0610);
  EXPECT_EQ(acl, minimal(0610));
}

TEST(AclAndMode, WhatIsInheritedIsNoMoreThanWasAskedFor) {
  const auto file = engine::inherit(bob_may_write(7), S_IFREG | 0640);
  EXPECT_EQ(file.mode, S_IFREG | 0640u);
  Acl narrowed = bob_may_write(4);
  narrowed[0].permissions = 6;
  narrowed[4].permissions = 0;
  EXPECT_EQ(*file.access, narrowed);
  const auto program = engine::inherit(minimal(0750), S_IFREG | 06777);
  EXPECT_EQ(program.mode, S_IFREG | 06750u);
  EXPECT_FALSE(program.access.has_value()) << "the mode says it all";
}

// --- inodes ---

class AclsOf : public EngineTest {
 protected:
  int set(std::string_view path, std::string_view name, const Acl& acl, const Caller& caller = {}) {
    return store->setxattr(caller, shell().inode(path), name, engine::encode_acl(acl), XattrMode::any).code();
  }
  // Empty: there is none.
  Acl get(std::string_view path, std::string_view name = kAccessAclName) {
    const auto bytes = store->getxattr(shell().inode(path), name);
    EXPECT_TRUE(bytes.ok() || bytes.code() == ENODATA) << to_string(bytes.error());
    return bytes.ok() ? engine::decode_acl(*bytes)->value_or(Acl{}) : Acl{};
  }
  std::uint32_t mode_of(std::string_view path) { return shell().stat(path)->mode & 07777; }
  int remove(std::string_view path, std::string_view name) {
    return store->removexattr(shell().inode(path), name).code();
  }
  int chgrp(std::string_view path, std::uint32_t gid, std::uint32_t mode) {
    engine::SetAttributes attributes;
    attributes.gid = gid;
    attributes.mode = mode;
    return store->setattr({}, shell().inode(path), attributes).code();
  }
};

TEST_F(AclsOf, AnAccessListGivesTheModeItsBits) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().chmod("/a", 04600), 0);
  const Timestamp before = shell().stat("/a")->changed;
  store.clock->advance_ms(1);
  ASSERT_EQ(set("/a", kAccessAclName, bob_may_write(6)), 0);
  EXPECT_EQ(mode_of("/a"), 04764u);
  EXPECT_GT(shell().stat("/a")->changed, before);
  EXPECT_THAT(*store->listxattr({}, shell().inode("/a")), testing::ElementsAre(kAccessAclName));
}

TEST_F(AclsOf, ListsSurviveARemountAndARebuiltIndex) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(set("/d", kAccessAclName, bob_may_write(6)), 0);
  ASSERT_EQ(set("/d", kDefaultAclName, bob_may_write(5)), 0);
  ASSERT_EQ(shell().fsync("/d"), 0);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(get("/d"), bob_may_write(6));
  EXPECT_EQ(get("/d", kDefaultAclName), bob_may_write(5));
  EXPECT_EQ(mode_of("/d"), 0764u);
  ASSERT_EQ(shell().put("/d/a", "x"), 0);
  EXPECT_FALSE(get("/d/a").empty()) << "the new index knows that files inherit";
}

TEST_F(AclsOf, AListThatSaysNoMoreThanTheModeIsNotKept) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(set("/a", kAccessAclName, bob_may_write()), 0);
  ASSERT_EQ(set("/a", kAccessAclName, minimal(0751)), 0);
  EXPECT_EQ(mode_of("/a"), 0751u);
  EXPECT_TRUE(get("/a").empty());
  EXPECT_TRUE(store->listxattr({}, shell().inode("/a"))->empty());
  EXPECT_EQ(shell().chmod("/a", 0600), 0);
  EXPECT_TRUE(get("/a").empty());
}

TEST_F(AclsOf, AListThatSaysWhatTheModeSaysAlreadyChangesNothing) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().chmod("/a", 0751), 0);
  const Timestamp before = shell().stat("/a")->changed;
  store.clock->advance_ms(1);
  ASSERT_EQ(set("/a", kAccessAclName, minimal(0751)), 0);
  EXPECT_EQ(shell().stat("/a")->changed, before);
  ASSERT_EQ(set("/a", kAccessAclName, minimal(0750)), 0);
  EXPECT_GT(shell().stat("/a")->changed, before);
}

TEST_F(AclsOf, ChmodChangesTheMaskAndNotTheGroup) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(set("/a", kAccessAclName, bob_may_write()), 0);
  ASSERT_EQ(shell().chmod("/a", 0740), 0);
  Acl expected = bob_may_write(4);
  expected[4].permissions = 0;
  EXPECT_EQ(get("/a"), expected);
  EXPECT_EQ(mode_of("/a"), 0740u);
  store.reopen();
  EXPECT_EQ(get("/a"), expected);
  ASSERT_EQ(shell().chmod("/a", 0777), 0);
  expected = bob_may_write(7);
  expected[4].permissions = 7;
  EXPECT_EQ(get("/a"), expected);
}

TEST_F(AclsOf, ADefaultListPassesToWhatIsMadeBelowItAndTheUmaskPlaysNoPart) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(set("/d", kDefaultAclName, bob_may_write(7)), 0);
  EXPECT_EQ(mode_of("/d"), 0755u) << "a default list says nothing of the directory itself";
  const InodeId d = shell().inode("/d");
  EXPECT_EQ(store->create(kAlice, d, "file", 0666)->mode, S_IFREG | 0664u);
  EXPECT_EQ(store->mknod(kAlice, d, "fifo", S_IFIFO | 0620, 0)->mode, S_IFIFO | 0620u);
  EXPECT_EQ(store->mkdir(kAlice, d, "sub", 0777)->mode, S_IFDIR | 0774u);
  EXPECT_EQ(store->symlink(kAlice, d, "link", "x")->mode, S_IFLNK | 0777u);
  EXPECT_EQ(engine::permissions_of(get("/d/file")), 0664u);
  EXPECT_EQ(engine::permissions_of(get("/d/fifo")), 0620u);
  EXPECT_EQ(get("/d/sub"), bob_may_write(7));
  EXPECT_EQ(get("/d/sub", kDefaultAclName), bob_may_write(7));
  EXPECT_TRUE(get("/d/file", kDefaultAclName).empty());
  EXPECT_TRUE(store->listxattr({}, shell().inode("/d/link"))->empty());
  EXPECT_EQ(store->create(kAlice, shell().inode("/d/sub"), "file", 0600)->mode, S_IFREG | 0600u);
  EXPECT_EQ(engine::permissions_of(get("/d/sub/file")), 0600u);
}

TEST_F(AclsOf, WithoutADefaultListTheUmaskCounts) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(set("/d", kDefaultAclName, bob_may_write()), 0);
  ASSERT_EQ(set("/d", kAccessAclName, bob_may_write()), 0);
  ASSERT_EQ(remove("/d", kDefaultAclName), 0);
  EXPECT_EQ(store->create(kAlice, shell().inode("/d"), "file", 0666)->mode, S_IFREG | 0644u);
  EXPECT_TRUE(get("/d/file").empty()) << "an access list is not inherited";
}

TEST_F(AclsOf, AMinimalDefaultListLeavesNoListOnFiles) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(set("/d", kDefaultAclName, minimal(0770)), 0);
  EXPECT_EQ(get("/d", kDefaultAclName), minimal(0770)) << "it says more than no list";
  EXPECT_EQ(store->create(kAlice, shell().inode("/d"), "file", 0666)->mode, S_IFREG | 0660u);
  EXPECT_TRUE(get("/d/file").empty());
}

TEST_F(AclsOf, OnlyDirectoriesHaveDefaultListsAndSymlinksHaveNone) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().symlink("a", "/s"), 0);
  EXPECT_EQ(set("/a", kDefaultAclName, bob_may_write()), EACCES);
  EXPECT_EQ(set("/a", kDefaultAclName, {}), 0) << "none is what it has";
  EXPECT_EQ(set("/s", kAccessAclName, bob_may_write()), EOPNOTSUPP);
  EXPECT_EQ(store->setxattr({}, shell().inode("/a"), kAccessAclName, "rubbish", XattrMode::any).code(),
            EOPNOTSUPP);
  EXPECT_EQ(store->setxattr({}, shell().inode("/a"), "system.other", "x", XattrMode::any).code(), EOPNOTSUPP);
  EXPECT_TRUE(store->listxattr({}, shell().inode("/a"))->empty());
  EXPECT_EQ(mode_of("/a"), 0644u);
}

TEST_F(AclsOf, TakingAwayAListLeavesTheMode) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(set("/a", kAccessAclName, bob_may_write(6)), 0);
  ASSERT_EQ(remove("/a", kAccessAclName), 0);
  EXPECT_TRUE(get("/a").empty());
  EXPECT_EQ(mode_of("/a"), 0764u);
  EXPECT_EQ(remove("/a", kAccessAclName), 0) << "it is gone already";
  ASSERT_EQ(set("/a", kAccessAclName, bob_may_write(6)), 0);
  EXPECT_EQ(set("/a", kAccessAclName, {}), 0);
  EXPECT_TRUE(get("/a").empty());
}

TEST_F(AclsOf, AListFromOutsideTheGroupClearsSetgid) {
  const std::uint32_t groups[] = {5, 77};
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const auto mode_after = [&](const Caller& caller) {
    EXPECT_EQ(chgrp("/a", 77, 02755), 0);
    EXPECT_EQ(set("/a", kAccessAclName, bob_may_write(), caller), 0);
    return mode_of("/a");
  };
  EXPECT_EQ(mode_after({}), 02774u);
  EXPECT_EQ(mode_after({.uid = 1000, .gid = 77, .umask = 0, .groups = {}}), 02774u);
  EXPECT_EQ(mode_after({.uid = 1000, .gid = 1000, .umask = 0, .groups = groups}), 02774u);
  EXPECT_EQ(mode_after({.uid = 1000, .gid = 1000, .umask = 0, .groups = {}}), 0774u);
}

TEST_F(AclsOf, AListIsNoLongerThanTheKernelPassesOn) {
  Acl acl = bob_may_write();
  const auto with = [&](std::size_t bytes) {
    while (engine::encode_acl(acl).size() < bytes) acl.insert(acl.begin() + 1, {AclTag::user, 1, kBob});
    return acl;
  };
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_EQ(set("/a", kAccessAclName, with(engine::kAclBytesMax - 8)), 0);
  EXPECT_EQ(set("/a", kAccessAclName, with(engine::kAclBytesMax + 1)), E2BIG);
}

TEST_F(AclsOf, ADirectoryRemembersItsDefaultListOutsideTheCache) {
  store.options.inode_cache_bytes = 0;
  store.reopen();
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/before", "x"), 0);
  EXPECT_TRUE(get("/d/before").empty());
  ASSERT_EQ(set("/d", kDefaultAclName, bob_may_write()), 0);
  ASSERT_EQ(shell().put("/d/after", "x"), 0);
  EXPECT_FALSE(get("/d/after").empty());
}

}  // namespace
}  // namespace ciaos::test
