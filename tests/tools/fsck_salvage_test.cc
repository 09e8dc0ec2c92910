// What can still be read from a store whose log is broken.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tools/breakages.h"
#include "tools/fsck/salvage.h"

namespace ciaos::fsck {
namespace {

namespace fs = std::filesystem;

class SalvageTest : public testing::Test {
 protected:
  Result<Salvaged> run() {
    lines_.clear();
    Report report([this](const std::string& line) { lines_ += line + "\n"; });
    Progress progress;
    const CheckOptions options{.index_directory = tree_.index, .scratch_directory = tree_.place.path()};
    auto result = run_salvage(tree_.store.devices(), options, report, progress, into_);
    report.flush();
    return result;
  }
  std::string contents(const std::string& path) {
    std::ifstream file(into_ + path, std::ios::binary);
    EXPECT_TRUE(file.good()) << path << "\n" << lines_;
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string number(InodeId inode) { return "/lost+found/#" + std::to_string(inode.value()); }

  Tree tree_;
  const std::string into_ = tree_.place.path() + "/out";
  std::string lines_;
};

TEST_F(SalvageTest, AWholeStoreComesOutWhole) {
  tree_.store.inode(tree_.file).modified = {981173106, 7};
  tree_.store.rows().xattrs.emplace(meta::XattrKey{tree_.file, "user.origin"}, meta::XattrRow{"camera"});
  tree_.store.commit();
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  char origin[16] = {};
  const ssize_t bytes =
      ::getxattr((into_ + "/folder/inner/file").c_str(), "user.origin", origin, sizeof origin);
  if (bytes >= 0) {
    EXPECT_STREQ(origin, "camera");
    EXPECT_EQ(result->lost, 0u) << lines_;
  } else {
    EXPECT_EQ(result->lost, 1u) << "a filesystem without attributes, and that is told: " << lines_;
  }
  EXPECT_EQ(result->directories, 2u);
  EXPECT_EQ(result->files, 3u);
  EXPECT_EQ(contents("/folder/inner/file"), std::string(5000, 'x'));
  EXPECT_EQ(contents("/other"), std::string(300, 'y'));
  EXPECT_EQ(fs::read_symlink(into_ + "/folder/link"), "inner/file");
  EXPECT_FALSE(fs::exists(into_ + "/lost+found"));
  struct stat attributes {};
  ASSERT_EQ(::stat((into_ + "/folder/inner/file").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mtim.tv_sec, 981173106);
  EXPECT_EQ(attributes.st_mode & 07777, 0644u);
}

TEST_F(SalvageTest, BehindABreakInTheLogFilesComeOutByTheirNumbers) {
  const TxnRef middle = tree_.store.commit();
  const InodeId later = tree_.store.add_file(kRootInode, "later", std::string(9000, 'l'));
  tree_.store.commit();
  const ByteVector newer(100, std::byte{'n'});
  tree_.store.append(store::NeedleKind::data, later, 50, newer);
  tree_.store.commit();
  tree_.store.flip(middle.at);
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_EQ(contents("/folder/inner/file"), std::string(5000, 'x')) << "what lies before the break";
  EXPECT_FALSE(fs::exists(into_ + "/later"));
  std::string expected(9000, 'l');
  expected.replace(50, 100, std::string(100, 'n'));
  EXPECT_EQ(contents(number(later)), expected) << "later needles lie on top";
  EXPECT_EQ(result->without_row, 2u) << lines_;
}

TEST_F(SalvageTest, WithoutABeginningEverythingComesOutByNumber) {
  tree_.store.flip(tree_.store.volumes().superblock().log_start);
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_EQ(contents(number(tree_.file)), std::string(5000, 'x')) << lines_;
  EXPECT_EQ(contents(number(tree_.other)), std::string(300, 'y'));
}

TEST_F(SalvageTest, RecordsThatContradictLoseOnlyWhatComesBehind) {
  tree_.store.add_file(kRootInode, "before", "kept");
  tree_.store.commit();
  meta::Changes changes;
  changes.names.emplace(meta::NameKey{kRootInode, "b"}, tree_.name(kRootInode, "other"));
  tree_.store.commit_records(meta::encode_changes(changes));
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_EQ(contents("/before"), "kept") << "although one transaction held it and the contradiction";
}

TEST_F(SalvageTest, OfADamagedPayloadThePiecesThatVerifyComeOut) {
  const InodeId large = tree_.store.add_file(kRootInode, "large", std::string(100'000, 'l'));
  tree_.store.commit();
  tree_.store.commit();
  const NeedlePlace& place = tree_.store.extent(large, 0).needle;
  VolumePosition inside = place.at;
  inside.offset = store::payload_position(place.at.offset, place.payload_bytes) + 50'000;
  tree_.store.flip(inside);
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_EQ(result->lost, 1u) << lines_;
  EXPECT_NE(lines_.find("/large: 4096 bytes from 49152"), std::string::npos) << lines_;
  std::string expected(100'000, 'l');
  expected.replace(49'152, 4096, std::string(4096, '\0'));
  EXPECT_EQ(contents("/large"), expected);
}

TEST_F(SalvageTest, WhatTheDeviceRefusesIsToldAndTheRestComesOut) {
  tree_.leave_first_volume();
  tree_.store.refuse_to_read(tree_.store.extent(tree_.file, 0).needle.at, 64);
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_GE(result->lost, 1u);
  EXPECT_NE(lines_.find("/folder/inner/file"), std::string::npos) << lines_;
  EXPECT_EQ(contents("/folder/inner/file").size(), 5000u);
  EXPECT_EQ(contents("/other"), std::string(300, 'y'));
}

TEST_F(SalvageTest, WhatNoNameLeadsToIsInLostAndFound) {
  tree_.store.rows().names.erase({kRootInode, "folder"});
  tree_.store.commit();
  const auto result = run();
  ASSERT_TRUE(result.ok()) << to_string(result.error());
  EXPECT_EQ(contents(number(tree_.folder) + "/inner/file"), std::string(5000, 'x')) << lines_;
}

TEST_F(SalvageTest, AFolderWithSomethingInItIsRefused) {
  fs::create_directory(into_);
  std::ofstream(into_ + "/mine") << "precious";
  EXPECT_EQ(run().code(), ENOTEMPTY);
  EXPECT_EQ(contents("/mine"), "precious");
}

}  // namespace
}  // namespace ciaos::fsck
