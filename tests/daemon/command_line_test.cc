#include "daemon/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ciaos::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<CommandLine> program(std::vector<std::string_view> arguments) {
  return parse_command_line(Form::program, arguments);
}
Result<CommandLine> helper(std::vector<std::string_view> arguments) {
  return parse_command_line(Form::mount_helper, arguments);
}

TEST(CommandLine, TheNameOfTheProgramTellsTheForm) {
  EXPECT_EQ(form_of("ciaosfs"), Form::program);
  EXPECT_EQ(form_of("/usr/bin/ciaosfs"), Form::program);
  EXPECT_EQ(form_of("/mount.d/ciaosfs"), Form::program);
  EXPECT_EQ(form_of("/sbin/mount.fuse.ciaosfs"), Form::mount_helper);
  EXPECT_EQ(form_of("mount.ciaosfs"), Form::mount_helper);
}

TEST(CommandLine, TheLastPathIsTheMountpoint) {
  const auto line = program({"/a", "/b", "/mnt"});
  ASSERT_TRUE(line);
  EXPECT_THAT(line->stores, ElementsAre("/a", "/b"));
  EXPECT_EQ(line->mountpoint, "/mnt");
}

TEST(CommandLine, WithoutAMountEveryPathIsAStore) {
  const auto line = program({"--no-mount", "/a", "-o", "ro", "/b"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->no_mount);
  EXPECT_THAT(line->stores, ElementsAre("/a", "/b"));
  EXPECT_EQ(line->mountpoint, "");
  EXPECT_TRUE(program({"--no-mount"})) << "the store is the environment's";
  EXPECT_FALSE(helper({"/a", "/mnt", "--no-mount"}));
}

TEST(CommandLine, OnePathIsAMountpointForTheStoreOfTheEnvironment) {
  const auto line = program({"/mnt"});
  ASSERT_TRUE(line);
  EXPECT_THAT(line->stores, IsEmpty());
  EXPECT_EQ(line->mountpoint, "/mnt");
}

TEST(CommandLine, OptionsMayStandAnywhere) {
  const auto line = program({"-f", "/a", "-o", "ro,commit=1", "/mnt", "-onoatime"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->foreground);
  EXPECT_THAT(line->stores, ElementsAre("/a"));
  EXPECT_THAT(line->options, ElementsAre("ro", "commit=1", "noatime"));
}

TEST(CommandLine, TwoDashesEndTheOptions) {
  const auto line = program({"--", "-f", "-o"});
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->foreground);
  EXPECT_THAT(line->stores, ElementsAre("-f"));
  EXPECT_EQ(line->mountpoint, "-o");
}

TEST(CommandLine, DebuggingStaysInTheForeground) {
  const auto line = program({"-d", "/a", "/mnt"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->debug);
  EXPECT_TRUE(line->foreground);
}

TEST(CommandLine, AnotherNamespaceIsRefusedAndNotForgotten) {
  EXPECT_EQ(helper({"/a", "/mnt", "-N", "/proc/7/ns/mnt"}).code(), EINVAL);
}

TEST(CommandLine, WhatMountPassesToItsHelper) {
  const auto line = helper({"/dev/sdb", "/mnt", "-sfnv", "-o", "ro,_netdev", "-t", "fuse.ciaosfs"});
  ASSERT_TRUE(line);
  EXPECT_THAT(line->stores, ElementsAre("/dev/sdb"));
  EXPECT_EQ(line->mountpoint, "/mnt");
  EXPECT_THAT(line->options, ElementsAre("ro", "_netdev"));
  EXPECT_TRUE(line->fake);
  EXPECT_TRUE(line->sloppy);
  EXPECT_FALSE(line->foreground);
}

TEST(CommandLine, AHelperTakesExactlyTwoPaths) {
  EXPECT_EQ(helper({"/a"}).code(), EINVAL);
  EXPECT_EQ(helper({"/a", "/b", "/c"}).code(), EINVAL);
}

TEST(CommandLine, WhatIsWrongIsNamed) {
  EXPECT_THAT(program({"-x", "/a", "/mnt"}).error().context, HasSubstr("-x"));
  EXPECT_THAT(program({"-t", "/a", "/mnt"}).error().context, HasSubstr("-t"));
  EXPECT_THAT(program({"--frobnicate", "/mnt"}).error().context, HasSubstr("--frobnicate"));
  EXPECT_THAT(program({"/a", "/mnt", "-o"}).error().context, HasSubstr("-o needs a value"));
  EXPECT_THAT(program({"-f"}).error().context, HasSubstr("mountpoint"));
  EXPECT_THAT(helper({"-q", "/a", "/mnt"}).error().context, HasSubstr("-q"));
}

TEST(CommandLine, HelpAndVersionNeedNoPaths) {
  EXPECT_TRUE(program({"--help"})->help);
  EXPECT_TRUE(program({"-h"})->help);
  EXPECT_TRUE(program({"-V"})->version);
  EXPECT_TRUE(helper({"--version"})->version);
}

TEST(CommandLine, ABackslashKeepsACommaInsideAnOption) {
  EXPECT_THAT(split_options("ro,index=/a\\,b,,fsname=c\\\\d\\e,"),
              ElementsAre("ro", "index=/a,b", "fsname=c\\d\\e"));
  EXPECT_THAT(split_options(""), IsEmpty());
}

}  // namespace
}  // namespace ciaos::daemon
