#include "daemon/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "daemon/configuration_file.h"

namespace ciaos::daemon {
namespace {

using ::testing::HasSubstr;

// A file that is gone with the test.
class ConfigurationFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "ciaosfs-conf.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    path = folder / "ciaosfs.conf";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<std::vector<Setting>> read(const std::string& text) {
    std::ofstream(path) << text;
    return read_configuration(path);
  }
  std::string complaint(const std::string& text) {
    const auto settings = read(text);
    if (!settings) return settings.error().context;
    const auto options = options_of(*settings);
    return options ? "" : options.error().context;
  }

  std::filesystem::path folder;
  std::string path;
};

TEST_F(ConfigurationFile, BecomesOptionsThatKnowTheirLines) {
  const auto settings =
      read("# comment\n[mount]\nmem = \"64M\"\ncommit = 30\natime = \"relatime\"\nallow_other = false\n");
  ASSERT_TRUE(settings) << to_string(settings.error());
  const auto options = options_of(*settings);
  ASSERT_TRUE(options) << to_string(options.error());
  ASSERT_EQ(options->size(), 4u);
  EXPECT_EQ((*options)[0].text, "mem=64M");
  EXPECT_EQ((*options)[0].source, path + ":3");
  EXPECT_EQ((*options)[1].text, "commit=30");
  EXPECT_EQ((*options)[2].text, "relatime");
  EXPECT_EQ((*options)[3].text, "noallow_other");
  EXPECT_EQ((*options)[3].source, path + ":6");
  EXPECT_TRUE(parse_options(*options, false));
}

TEST_F(ConfigurationFile, WhatNobodyKnowsIsNamedWithItsLine) {
  EXPECT_EQ(complaint("[mount]\n\nfrob = 1\n"), path + ":3: there is no frob");
  EXPECT_EQ(complaint("[mounts]\n"), path + ":1: there is no table [mounts]");
  EXPECT_THAT(complaint("commit = 5\n"), HasSubstr(path + ":1: commit belongs into a table"));
  EXPECT_THAT(complaint("[mount]\ncommit = = 5\n"), HasSubstr(path + ":2: "));
  EXPECT_THAT(complaint("[mount]\ncommit = [5]\n"), HasSubstr(path + ":2: commit"));
  EXPECT_THAT(complaint("[mount]\nread_only = 1\n"), HasSubstr("is true or false"));
  EXPECT_THAT(complaint("[mount]\natime = \"sometimes\"\n"), HasSubstr("noatime relatime strictatime"));
}

TEST_F(ConfigurationFile, AFileThatIsNotThereIsAnErrorOfItsOwn) {
  EXPECT_EQ(read_configuration(path).code(), ENOENT);
  EXPECT_EQ(read_configuration(folder).code(), EISDIR);
  EXPECT_EQ(complaint(std::string(2u << 20, '#')), path + ": over a megabyte is no configuration");
}

TEST(Configuration, TheLaterSourceHoldsAndIsShown) {
  const std::vector<std::pair<std::string, std::string>> variables{
      {"CIAOSFS_COMMIT", "20"}, {"CIAOSFS_BIN", "/somewhere"}, {"CIAOSFS_READ_ONLY", "true"}};
  const std::vector<Setting> file{{"commit", "10", "/etc/ciaosfs.conf:2"},
                                  {"mem", "64M", "/etc/ciaosfs.conf:3"}};
  std::vector<SourcedOption> options = *options_of(file);
  for (const SourcedOption& option : *options_of(settings_of_environment(variables)))
    options.push_back(option);

  EXPECT_EQ(parse_options(options, false)->engine.commit_interval_ms, 20'000u);
  EXPECT_TRUE(parse_options(options, false)->engine.read_only);
  std::string shown = print_configuration(options);
  EXPECT_THAT(shown, HasSubstr("commit = 20                   # CIAOSFS_COMMIT; seconds\n"));
  EXPECT_THAT(shown, HasSubstr("mem = \"64M\"                   # /etc/ciaosfs.conf:3; bytes\n"));
  EXPECT_THAT(shown, HasSubstr("read_only = true              # CIAOSFS_READ_ONLY\n"));
  EXPECT_THAT(shown, HasSubstr("wait = 10                     # default; seconds\n"));

  options.push_back({"commit=40", ""});
  options.push_back({"rw", ""});
  EXPECT_EQ(parse_options(options, false)->engine.commit_interval_ms, 40'000u);
  shown = print_configuration(options);
  EXPECT_THAT(shown, HasSubstr("commit = 40                   # option; seconds\n"));
  EXPECT_THAT(shown, HasSubstr("read_only = false             # option\n"));
}

TEST_F(ConfigurationFile, WhatIsPrintedIsAFileThatSaysTheSame) {
  const std::string shown = print_configuration({});
  const auto settings = read(shown);
  ASSERT_TRUE(settings) << to_string(settings.error());
  const auto options = options_of(*settings);
  ASSERT_TRUE(options) << to_string(options.error());
  const auto parsed = parse_options(*options, false);
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  // The presets of two tables, and the engine's: all the same.
  EXPECT_EQ(parsed->engine.commit_interval_ms, engine::Options{}.commit_interval_ms);
  EXPECT_EQ(parsed->engine.compact_bytes_per_second, engine::Options{}.compact_bytes_per_second);
  EXPECT_EQ(parsed->engine.dirty_bytes_max, engine::Options{}.dirty_bytes_max);
  EXPECT_EQ(parsed->engine.atime, engine::Options{}.atime);
  EXPECT_EQ(parsed->wait_seconds, MountOptions{}.wait_seconds);
  for (const std::string& key : configurable_keys()) EXPECT_THAT(shown, HasSubstr(key));
}

}  // namespace
}  // namespace ciaos::daemon
