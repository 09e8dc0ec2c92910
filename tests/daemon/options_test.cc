#include "daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ciaos::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Result<MountOptions> parse(const std::vector<std::string>& options, bool sloppy = false) {
  std::vector<SourcedOption> given;
  for (const std::string& text : options) given.push_back({text, ""});
  return parse_options(given, sloppy);
}

std::string complaint(const std::vector<std::string>& options) {
  const auto parsed = parse(options);
  return parsed ? "" : parsed.error().context;
}

TEST(Options, DefaultsAreThoseOfTheEngine) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->engine.read_only);
  EXPECT_EQ(options->engine.commit_interval_ms, engine::Options{}.commit_interval_ms);
  EXPECT_EQ(options->engine.index_directory, "");
  EXPECT_EQ(options->wait_seconds, 10u);
}

TEST(Options, OpensMayBeUntold) {
  const auto options = parse({"open=none"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->open_mode, fuse::OpenMode::none);
  EXPECT_TRUE(options->engine.opens_untold);
  EXPECT_FALSE(parse({"open=auto"})->engine.opens_untold);
  EXPECT_FALSE(parse({"open=never"}));
}

TEST(Options, ValuesReachTheirPlaces) {
  const auto options = parse({"ro", "commit=30", "index=/i", "scratch=/s", "device=/a", "device=/b", "wait=0",
                              "strictatime", "scrub=3M", "scrub_interval=60", "fsname=x", "subtype=y",
                              "backend=mock", "size=64M", "open=cached", "rings=on"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->engine.read_only);
  EXPECT_EQ(options->engine.commit_interval_ms, 30'000u);
  EXPECT_EQ(options->engine.index_directory, "/i");
  EXPECT_EQ(options->engine.scratch_directory, "/s");
  EXPECT_THAT(options->devices, ElementsAre("/a", "/b"));
  EXPECT_EQ(options->wait_seconds, 0u);
  EXPECT_EQ(options->engine.atime, engine::AtimePolicy::strict);
  EXPECT_EQ(options->engine.scrub_bytes_per_second, 3u << 20);
  EXPECT_EQ(options->engine.scrub_interval_seconds, 60u);
  EXPECT_EQ(options->fsname, "x");
  EXPECT_EQ(options->subtype, "y");
  EXPECT_EQ(options->backend, "mock");
  EXPECT_EQ(options->mock_bytes, 64u << 20);
  EXPECT_EQ(options->open_mode, fuse::OpenMode::cached);
  EXPECT_EQ(options->rings, fuse::Rings::on);
  EXPECT_EQ(complaint({"rings=maybe"}), "mount option rings=maybe: must be auto, on or off");
}

TEST(Options, TheLastOfTwoOppositesHolds) {
  EXPECT_FALSE(parse({"ro", "rw"})->engine.read_only);
  EXPECT_EQ(parse({"strictatime", "relatime"})->engine.atime, engine::AtimePolicy::relative);
}

TEST(Options, MemoryIsSharedInTheProportionOfTheDefaults) {
  const engine::Options preset;
  const auto options = parse({"mem=704M"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->engine.dirty_bytes_max, 2 * preset.dirty_bytes_max);
  EXPECT_EQ(options->engine.inode_cache_bytes, 2 * preset.inode_cache_bytes);
  EXPECT_EQ(options->engine.header_cache_bytes, 2 * preset.header_cache_bytes);
}

TEST(Options, WhatIsForMountAndInitIsPassedOver) {
  EXPECT_EQ(complaint({"defaults", "_netdev", "nofail", "noauto", "user", "x-systemd.automount",
                       "X-mount.mkdir=0755", "comment=why"}),
            "");
}

TEST(Options, RemountIsTakenWithWhatItComesWith) {
  const auto options = parse({"remount", "ro", "nosuid"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->remount);
  EXPECT_TRUE(options->engine.read_only);
  EXPECT_FALSE(parse({"ro"})->remount);
  EXPECT_THAT(complaint({"remount=ro"}), HasSubstr("takes no value"));
}

TEST(Options, AnUnknownOptionIsNamedUnlessSloppy) {
  EXPECT_EQ(complaint({"frob"}), "unknown mount option frob");
  EXPECT_EQ(complaint({"frob=1"}), "unknown mount option frob");
  EXPECT_TRUE(parse({"frob", "ro"}, true)->engine.read_only);
}

TEST(Options, WhatAFileSaysIsNamedWithItsPlaceAndNeverPassedOver) {
  const std::vector<SourcedOption> given{{"commit=30", "/etc/f:1"}, {"frob", "/etc/f:2"}};
  const auto parsed = parse_options(given, true);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().context, "/etc/f:2: unknown mount option frob");
}

TEST(Options, WrongValuesAreNamedWithTheirOption) {
  EXPECT_THAT(complaint({"commit=0"}), HasSubstr("commit=0"));
  EXPECT_THAT(complaint({"commit=soon"}), HasSubstr("commit=soon"));
  EXPECT_THAT(complaint({"commit"}), HasSubstr("commit=SECONDS"));
  EXPECT_THAT(complaint({"mem=1K"}), HasSubstr("mem=1K"));
  EXPECT_THAT(complaint({"ro=yes"}), HasSubstr("takes no value"));
}

TEST(Options, RootsMountsAreOpenToAllAndKnowDevices) {
  const auto root = fuse_options(*parse({}), "/store", true);
  EXPECT_THAT(root, ElementsAre("default_permissions", "fsname=/store", "subtype=ciaosfs", "rw",
                                "allow_other", "noatime", "dev", "suid"));
  const auto user = fuse_options(*parse({}), "/store", false);
  EXPECT_THAT(user, Not(Contains("allow_other")));
  EXPECT_THAT(user, Not(Contains("dev")));
}

TEST(Options, KernelFlagsComeLastSoThatTheyWin) {
  const auto options = fuse_options(*parse({"nodev", "noallow_other", "ro", "nosuid"}), "/store", true);
  EXPECT_THAT(options, ElementsAre("default_permissions", "fsname=/store", "subtype=ciaosfs", "ro", "noatime",
                                   "dev", "suid", "nodev", "nosuid"));
}

TEST(Options, SyncIsForTheEngineAndTheKernel) {
  const auto names = parse({"dirsync"});
  EXPECT_TRUE(names->engine.sync_names);
  EXPECT_FALSE(names->engine.sync_all);
  EXPECT_THAT(names->kernel, ElementsAre("dirsync"));
  EXPECT_TRUE(parse({"sync"})->engine.sync_all);
  EXPECT_FALSE(parse({"sync", "async"})->engine.sync_all);
}

TEST(Options, SizesHaveSuffixes) {
  EXPECT_EQ(*parse_bytes("7"), 7u);
  EXPECT_EQ(*parse_bytes("3k"), 3u << 10);
  EXPECT_EQ(*parse_bytes("64M"), 64u << 20);
  EXPECT_EQ(*parse_bytes("2G"), 2ull << 30);
  EXPECT_EQ(*parse_bytes("1T"), 1ull << 40);
  for (const char* wrong : {"", "M", "-1", "1X", "1.5G", "99999999999T", "18446744073709551616"}) {
    EXPECT_EQ(parse_bytes(wrong).code(), EINVAL) << wrong;
  }
}

TEST(Options, HelpShowsEveryOption) {
  const std::string help = help_text();
  for (const char* name : {"commit=SECONDS", "mem=BYTES", "index=DIR", "allow_other", "wait=SECONDS",
                           "noatime", "1 to 3600", "16M to 1T", "at most 86400", "64M to 1T"}) {
    EXPECT_THAT(help, HasSubstr(name));
  }
}

}  // namespace
}  // namespace ciaos::daemon
