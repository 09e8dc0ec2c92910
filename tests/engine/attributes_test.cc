// Modes, owners, times and extended attributes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using engine::Attributes;
using engine::Caller;
using engine::SetAttributes;
using engine::XattrMode;

constexpr Caller kAlice{.uid = 1000, .gid = 1000, .umask = 022};

class AttributesOf : public EngineTest {
 protected:
  Attributes set(std::string_view path, const SetAttributes& attributes, const Caller& caller = {}) {
    const auto changed = store->setattr(caller, shell().inode(path), attributes);
    EXPECT_TRUE(changed.ok()) << to_string(changed.error());
    return changed.ok() ? *changed : Attributes{};
  }
  std::uint32_t mode_of(std::string_view path) { return shell().stat(path)->mode & 07777; }
  int set_xattr(std::string_view path, std::string_view name, std::string_view value,
                XattrMode mode = XattrMode::any) {
    return store->setxattr({}, shell().inode(path), name, value, mode).code();
  }
};

// --- privileges ---

TEST_F(AttributesOf, FileCapabilitiesGoWithEachChangeOfContentsOrOwner) {
  constexpr std::string_view kName = "security.capability";
  ASSERT_EQ(shell().put("/a", "text"), 0);
  ASSERT_EQ(shell().put("/b", "text"), 0);
  const InodeId a = shell().inode("/a");
  const auto write = [&] { return store->write(a, 0, as_bytes("T"), {}).code(); };
  const auto punch = [&] { return store->change_range(a, {.offset = 0, .length = 1}).code(); };
  const auto clone = [&] {
    return store->clone_range({.from = shell().inode("/b"), .to = a, .length = 1}).code();
  };
  const auto truncate = [&] { return shell().truncate("/a", 3); };
  const auto chown = [&] { return store->setattr({}, a, {.uid = 7}).code(); };
  const auto chown_to_nobody_else = [&] { return store->setattr({}, a, {}).code(); };
  const std::vector<std::function<int()>> changes = {write,    punch, clone,
                                                     truncate, chown, chown_to_nobody_else};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    for (const bool remembered : {true, false}) {
      ASSERT_EQ(set_xattr("/a", kName, "capability"), 0);
      if (!remembered) store.reopen();
      ASSERT_EQ(changes[i](), 0) << i;
      EXPECT_EQ(store->getxattr(a, kName).code(), ENODATA) << i;
    }
  }
  // What changes neither leaves them.
  ASSERT_EQ(set_xattr("/a", kName, "capability"), 0);
  ASSERT_EQ(shell().chmod("/a", 0755), 0);
  ASSERT_EQ(set_xattr("/a", "user.other", "x"), 0);
  EXPECT_EQ(*store->getxattr(a, kName), "capability");
}

TEST_F(AttributesOf, ACapabilityThatWasTakenAwayStaysAway) {
  ASSERT_EQ(shell().put("/a", "text"), 0);
  ASSERT_EQ(set_xattr("/a", "security.capability", "x"), 0);
  ASSERT_EQ(store->removexattr(shell().inode("/a"), "security.capability").code(), 0);
  ASSERT_EQ(shell().append("/a", "more"), 0);
  store.reopen();
  EXPECT_EQ(store->getxattr(shell().inode("/a"), "security.capability").code(), ENODATA);
}

// --- what new things get ---

TEST_F(AttributesOf, NewThingsBelongToTheCallerAndObeyTheUmask) {
  const auto file = store->create(kAlice, kRootInode, "file", 0666);
  EXPECT_EQ(file->uid, 1000u);
  EXPECT_EQ(file->gid, 1000u);
  EXPECT_EQ(file->mode, S_IFREG | 0644u);
  EXPECT_EQ(store->mkdir(kAlice, kRootInode, "d", 0777)->mode, S_IFDIR | 0755u);
  EXPECT_EQ(store->symlink(kAlice, kRootInode, "s", "target")->mode, S_IFLNK | 0777u);
  EXPECT_EQ(store->mknod(kAlice, kRootInode, "p", S_IFIFO | 0666, 0)->mode, S_IFIFO | 0644u);
}

TEST_F(AttributesOf, ASetgidDirectoryPassesOnItsGroupAndDirectoriesTheBit) {
  ASSERT_EQ(shell().mkdir("/team"), 0);
  SetAttributes attributes;
  attributes.gid = 77;
  attributes.mode = 02775;
  set("/team", attributes);
  const InodeId team = shell().inode("/team");
  const auto file = store->create(kAlice, team, "file", 0666);
  EXPECT_EQ(file->gid, 77u);
  EXPECT_EQ(file->mode, S_IFREG | 0644u);
  const auto directory = store->mkdir(kAlice, team, "d", 0777);
  EXPECT_EQ(directory->gid, 77u);
  EXPECT_EQ(directory->mode, S_IFDIR | 02755u);
  EXPECT_EQ(store->symlink(kAlice, team, "s", "x")->gid, 77u);
}

TEST_F(AttributesOf, DeviceNodesKeepTheirNumbers) {
  ASSERT_TRUE(store->mknod({}, kRootInode, "null", S_IFCHR | 0666, makedev(1, 3)).ok());
  ASSERT_TRUE(store->mknod({}, kRootInode, "sda", S_IFBLK | 0660, makedev(8, 1'000'000)).ok());
  store.reopen();
  EXPECT_EQ(shell().stat("/null")->device, makedev(1, 3));
  EXPECT_EQ(shell().stat("/sda")->device, makedev(8, 1'000'000));
}

// --- set-id bits ---

TEST_F(AttributesOf, AWriteByTheUnprivilegedClearsSetId) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const InodeId file = shell().inode("/a");
  ASSERT_EQ(shell().chmod("/a", 06755), 0);
  ASSERT_TRUE(store->write(file, 0, as_bytes("y"), {}).ok());
  EXPECT_EQ(mode_of("/a"), 06755u);
  ASSERT_TRUE(store->write(file, 0, as_bytes("y"), {.clears_set_id = true}).ok());
  EXPECT_EQ(mode_of("/a"), 0755u);
  // Without the group's right to execute, the bit means mandatory locking.
  ASSERT_EQ(shell().chmod("/a", 06745), 0);
  SetAttributes shorter;
  shorter.size = 0;
  shorter.clears_set_id = true;
  EXPECT_EQ(set("/a", shorter).mode & 07777, 02745u);
}

TEST_F(AttributesOf, AChownClearsSetIdOfEverythingButDirectoriesWhoeverAsks) {
  SetAttributes gift;
  gift.gid = 77;
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().chmod("/a", 06755), 0);
  EXPECT_EQ(set("/a", gift, kAlice).mode & 07777, 0755u);
  ASSERT_EQ(shell().chmod("/a", 06755), 0);
  EXPECT_EQ(set("/a", gift).mode & 07777, 0755u);
  ASSERT_EQ(shell().chmod("/a", 06755), 0);
  EXPECT_EQ(set("/a", {}).mode & 07777, 0755u);
  ASSERT_TRUE(store->mknod({}, kRootInode, "fifo", S_IFIFO | 0666, 0).ok());
  ASSERT_EQ(shell().chmod("/fifo", 06755), 0);
  EXPECT_EQ(set("/fifo", gift).mode & 07777, 0755u);
  // Whoever has nothing to do with a file cannot take them away.
  ASSERT_EQ(shell().chmod("/a", 06755), 0);
  EXPECT_EQ(set("/a", {}, kAlice).mode & 07777, 06755u);
  EXPECT_EQ(mode_of("/a"), 06755u);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().chmod("/d", 03775), 0);
  EXPECT_EQ(set("/d", gift, kAlice).mode & 07777, 03775u);
}

// --- times ---

TEST_F(AttributesOf, TimesBefore1970AndAfter2038SurviveARemount) {
  const Timestamp before{-2'000'000'000'000, 999'999'999};
  const Timestamp after{9'000'000'000'000, 1};
  ASSERT_EQ(shell().put("/a", "x"), 0);
  SetAttributes times;
  times.accessed = before;
  times.modified = after;
  set("/a", times);
  store.reopen();
  EXPECT_EQ(shell().stat("/a")->accessed, before);
  EXPECT_EQ(shell().stat("/a")->modified, after);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(shell().stat("/a")->accessed, before);
  EXPECT_EQ(shell().stat("/a")->modified, after);
}

TEST_F(AttributesOf, EachChangeMovesTheTimesThatPosixNames) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/a", "x"), 0);
  struct Moved {
    bool modified, changed;
    bool operator==(const Moved&) const = default;
  };
  const auto moved_by = [&](std::string_view path, const auto& act) {
    const Attributes before = *shell().stat(path);
    store.clock->advance_ms(1000);
    EXPECT_EQ(act(), 0);
    const Attributes after = *shell().stat(path);
    return Moved{after.modified != before.modified, after.changed != before.changed};
  };
  const auto nothing = Moved{false, false}, changed = Moved{false, true}, both = Moved{true, true};
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().read("/d/a").code(); }) == nothing);
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().append("/d/a", "y"); }) == both);
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().truncate("/d/a", 2); }) == both) << "to the same size";
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().chmod("/d/a", 0600); }) == changed);
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().ln("/d/a", "/d/b"); }) == changed);
  EXPECT_TRUE(moved_by("/d/a", [&] { return shell().rm("/d/b"); }) == changed);
  EXPECT_TRUE(moved_by("/d/a", [&] { return set_xattr("/d/a", "user.x", "y"); }) == changed);
  EXPECT_TRUE(moved_by("/d", [&] { return shell().append("/d/a", "y"); }) == nothing);
  EXPECT_TRUE(moved_by("/d", [&] { return shell().put("/d/c", ""); }) == both);
  EXPECT_TRUE(moved_by("/d", [&] { return shell().mv("/d/c", "/d/e"); }) == both);
  EXPECT_TRUE(moved_by("/d", [&] { return shell().rm("/d/e"); }) == both);
  EXPECT_TRUE(moved_by("/d", [&] { return shell().mv("/d/a", "/a"); }) == both);
}

TEST_F(AttributesOf, AtimeFollowsItsPolicy) {
  using engine::AtimePolicy;
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const auto moves = [&](AtimePolicy policy, std::int64_t after_ms) {
    EXPECT_TRUE(store.close().ok());
    store.options.atime = policy;
    store.open();
    const InodeId file = shell().inode("/a");
    const Timestamp before = shell().stat("/a")->accessed;
    store.clock->advance_ms(after_ms);
    const auto opened = store->open({}, file, {});
    EXPECT_EQ(shell().cat("/a"), "x");
    store->release(file);
    const bool moved = shell().stat("/a")->accessed != before;
    EXPECT_EQ(opened->notes_access, moved) << "open tells whether the next read is to come here";
    return moved;
  };
  EXPECT_FALSE(moves(AtimePolicy::none, 1000));
  EXPECT_TRUE(moves(AtimePolicy::relative, 1000)) << "it was not after the last change";
  EXPECT_FALSE(moves(AtimePolicy::relative, 1000));
  EXPECT_TRUE(moves(AtimePolicy::relative, 86'400'000)) << "it was a day old";
  EXPECT_TRUE(moves(AtimePolicy::strict, 1000));
}

// --- extended attributes ---

TEST_F(AttributesOf, XattrsAreCreatedReplacedAndRemoved) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const InodeId file = shell().inode("/a");
  EXPECT_EQ(set_xattr("/a", "user.k", "v", XattrMode::replace), ENODATA);
  EXPECT_EQ(set_xattr("/a", "user.k", "v", XattrMode::create), 0);
  EXPECT_EQ(set_xattr("/a", "user.k", "w", XattrMode::create), EEXIST);
  EXPECT_EQ(*store->getxattr(file, "user.k"), "v");
  EXPECT_EQ(set_xattr("/a", "user.k", "w", XattrMode::replace), 0);
  EXPECT_EQ(set_xattr("/a", "user.empty", ""), 0);
  EXPECT_EQ(set_xattr("/a", "trusted.t", "1"), 0);
  EXPECT_EQ(set_xattr("/a", "security.s", "2"), 0);
  store.reopen();
  EXPECT_EQ(*store->getxattr(file, "user.k"), "w");
  EXPECT_EQ(*store->getxattr(file, "user.empty"), "");
  EXPECT_THAT(*store->listxattr({}, file),
              testing::UnorderedElementsAre("user.k", "user.empty", "trusted.t", "security.s"));
  EXPECT_EQ(store->removexattr(file, "user.k").code(), 0);
  EXPECT_EQ(store->removexattr(file, "user.k").code(), ENODATA);
  EXPECT_EQ(store->getxattr(file, "user.k").code(), ENODATA);
}

TEST_F(AttributesOf, XattrsHaveTheLimitsOfTheSystemCalls) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const std::string largest = pattern(engine::kXattrBytesMax);
  EXPECT_EQ(set_xattr("/a", "user.large", largest), 0);
  EXPECT_EQ(set_xattr("/a", "user.larger", largest + "x"), E2BIG);
  EXPECT_EQ(set_xattr("/a", "user." + std::string(250, 'n'), "255 bytes of name"), 0);
  EXPECT_EQ(set_xattr("/a", "user." + std::string(251, 'n'), "256"), ERANGE);
  EXPECT_EQ(set_xattr("/a", "nobody.knows", "v"), EOPNOTSUPP);
  store.reopen();
  EXPECT_EQ(*store->getxattr(shell().inode("/a"), "user.large"), largest);
}

TEST_F(AttributesOf, TheListOfXattrsFitsWhatListxattrCanReturn) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  int result = 0;
  int count = 0;
  for (; count < 1000 && result == 0; ++count) {
    result = set_xattr("/a", "user." + std::to_string(1000 + count) + std::string(246, 'n'), "");
  }
  EXPECT_EQ(result, E2BIG);
  EXPECT_EQ(count, 65536 / 256 + 1);
}

TEST_F(AttributesOf, UserXattrsAreForFilesAndDirectoriesOnly) {
  ASSERT_EQ(shell().symlink("target", "/s"), 0);
  ASSERT_TRUE(store->mknod({}, kRootInode, "p", S_IFIFO | 0666, 0).ok());
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(set_xattr("/s", "user.k", "v"), EPERM);
  EXPECT_EQ(set_xattr("/p", "user.k", "v"), EPERM);
  EXPECT_EQ(set_xattr("/d", "user.k", "v"), 0);
  EXPECT_EQ(set_xattr("/s", "trusted.k", "v"), 0);
}

TEST_F(AttributesOf, OnlyRootIsToldOfTrustedXattrs) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_EQ(set_xattr("/a", "user.k", "v"), 0);
  EXPECT_EQ(set_xattr("/a", "trusted.k", "v"), 0);
  EXPECT_THAT(*store->listxattr(kAlice, shell().inode("/a")), testing::ElementsAre("user.k"));
  EXPECT_THAT(*store->listxattr({}, shell().inode("/a")),
              testing::UnorderedElementsAre("user.k", "trusted.k"));
}

TEST_F(AttributesOf, XattrsGoWithTheirFile) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(set_xattr("/a", "user.k", "v"), 0);
  ASSERT_EQ(shell().rm("/a"), 0);
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_TRUE(store->listxattr({}, shell().inode("/a"))->empty());
}

}  // namespace
}  // namespace ciaos::test
