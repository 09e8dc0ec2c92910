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

TEST(StoreChoice, AMountMustNotHideItsOwnStore) {
  EXPECT_TRUE(hides("/data", "/data"));
  EXPECT_TRUE(hides("/data", "/data/store"));
  EXPECT_TRUE(hides("/", "/data"));
  EXPECT_FALSE(hides("/data", "/data2"));
  EXPECT_FALSE(hides("/data/store/mnt", "/data/store"));
}

}  // namespace
}  // namespace ciaos::daemon
