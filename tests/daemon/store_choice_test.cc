#include "daemon/store_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ciaos::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StoreChoice, TheCommandLineWinsOverTheEnvironment) {
  const auto choice =
      choose_store({.stores = {"/a"}}, {}, {.storage_directory = "/env", .storage_backend = "xfs"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->backend, Backend::local);
  EXPECT_THAT(choice->paths, ElementsAre("/a"));
  EXPECT_EQ(choice->warning, "");
}

TEST(StoreChoice, FurtherDevicesComeByOption) {
  MountOptions options;
  options.devices = {"/b"};
  EXPECT_THAT(choose_store({.stores = {"/a"}}, options, {})->paths, ElementsAre("/a", "/b"));
}

TEST(StoreChoice, TheEnvironmentNamesTheStoreWhenNobodyElseDoes) {
  EXPECT_THAT(choose_store({}, {}, {.storage_directory = "/env", .storage_backend = ""})->paths,
              ElementsAre("/env"));
  EXPECT_EQ(choose_store({}, {}, {}).code(), EINVAL);
}

TEST(StoreChoice, MockNeedsNoPath) {
  const auto choice = choose_store({}, {}, {.storage_directory = "", .storage_backend = "mock"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->backend, Backend::mock);
  EXPECT_THAT(choice->paths, IsEmpty());
}

TEST(StoreChoice, AnUnknownBackendIsTheDefaultOneWithAWarning) {
  const auto choice =
      choose_store({.stores = {"/a"}}, {}, {.storage_directory = "", .storage_backend = "tape"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->backend, Backend::local);
  EXPECT_THAT(choice->warning, HasSubstr("tape"));
}

TEST(StoreChoice, TheIndexLiesWhereTheMostSpecificWordPutsIt) {
  store::Superblock superblock;
  superblock.uuid = *parse_uuid("01234567-89ab-4def-8123-456789abcdef");
  superblock.kind = store::StoreKind::raw;
  EXPECT_EQ(index_directory_of("", superblock, "/dev/sdb"),
            "/var/lib/ciaosfs/01234567-89ab-4def-8123-456789abcdef");
  superblock.kind = store::StoreKind::directory;
  EXPECT_EQ(index_directory_of("", superblock, "/data"), "/data/index");
  superblock.index_path = "/ssd/index";
  EXPECT_EQ(index_directory_of("", superblock, "/data"), "/ssd/index");
  EXPECT_EQ(index_directory_of("/mine", superblock, "/data"), "/mine");
}

TEST(StoreChoice, AMountpointAboveItsStoreOrInsideIsRefused) {
  for (const char* mountpoint : {"/data", "/", "/data/store", "/data/store/volumes", "/data/store/mnt"}) {
    EXPECT_EQ(check_apart(mountpoint, {"store", "/data/store"}).code(), ELOOP) << mountpoint;
  }
  for (const char* mountpoint : {"/data/store2", "/data/stor", "/mnt"}) {
    EXPECT_TRUE(check_apart(mountpoint, {"store", "/data/store"}).ok()) << mountpoint;
  }
}

TEST(StoreChoice, AFolderThatIsNeededMayHoldTheMountpointButNotLieBelowIt) {
  EXPECT_EQ(check_not_hidden("/var", {"scratch folder", "/var/tmp"}).code(), ELOOP);
  EXPECT_EQ(check_not_hidden("/var/tmp", {"scratch folder", "/var/tmp"}).code(), ELOOP);
  EXPECT_TRUE(check_not_hidden("/var/tmp/mnt", {"scratch folder", "/var/tmp"}).ok());
}

}  // namespace
}  // namespace ciaos::daemon
