// What ciaosctl shows, and what it reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/ctl/ciaos_values.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/mounts.h"
#include "tools/ctl/progress.h"
#include "tools/ctl/text.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;

TEST(CtlText, SizesHaveThreeDigitsAndAUnit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(1536 * 1024), "1.50 MiB");
  EXPECT_EQ(bytes_text(1000ull << 20), "0.98 GiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
}

TEST(CtlText, TimesHaveTheUnitThatFits) {
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(1500), "1.50 us");
  EXPECT_EQ(duration_text(12'300'000), "12.3 ms");
  EXPECT_EQ(duration_text(1'500'000'000), "1.50 s");
  EXPECT_EQ(duration_text(125'000'000'000), "2 min 5 s");
  EXPECT_EQ(duration_text(3'725'000'000'000), "1 h 2 min");
  EXPECT_EQ(duration_text(100'000'000'000'000), "1 d 3 h");
}

TEST(CtlText, NoNameMovesTheCursor) { EXPECT_EQ(shown("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?"); }

TEST(CtlText, SizesAreRead) {
  EXPECT_EQ(parse_bytes("0").value(), 0u);
  EXPECT_EQ(parse_bytes("10G").value(), 10ull << 30);
  EXPECT_EQ(parse_bytes("10k").value(), 10ull << 10);
  for (const char* bad : {"", "x", "-1", "1X", "1GG", "99999999999999T", "1 G"})
    EXPECT_EQ(parse_bytes(bad).code(), EINVAL) << bad;
}

TEST(CtlText, ColoursAreOnlyForTerminals) {
  EXPECT_EQ(coloured("ok", Colour::good, false), "ok");
  EXPECT_EQ(coloured("ok", Colour::good, true), "\x1b[32mok\x1b[0m");
  EXPECT_EQ(coloured("ok", Colour::none, true), "ok");
}

TEST(CtlText, ColumnsOfNumbersStandAtTheRight) {
  Table table({"NAME", "SIZE"});
  table.add({"a", "5"});
  table.add({"longer", "123456"});
  EXPECT_EQ(table.text(), "NAME      SIZE\na            5\nlonger  123456\n");
}

TEST(CtlText, BarsEndFull) {
  EXPECT_EQ(bar_text(0, 10), "[                              ]   0%");
  EXPECT_EQ(bar_text(5, 10), "[===============               ]  50%");
  EXPECT_EQ(bar_text(20, 10), "[==============================] 100%");
  EXPECT_EQ(bar_text(0, 0), "[==============================] 100%");
}

TEST(CtlJson, WhateverBytesANameHasTheResultIsJson) {
  EXPECT_EQ(json_of("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
  EXPECT_EQ(json_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_of("\xff"
                    "a\xc3"),
            "\"\\ufffda\\ufffd\"");
  EXPECT_EQ(json_of("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") << "a surrogate";
  EXPECT_EQ(json_of("\xc0\xaf"), "\"\\ufffd\\ufffd\"") << "overlong";
}

TEST(CtlJson, RecordsAreObjectsAndKindsWithAPluralAreLists) {
  const rpc::Records records = {Record{"inode", {}}.add("size", std::uint64_t{5}).add_truth("open", true),
                                Record{"extent", {}}.add("device", std::string("/d"))};
  EXPECT_EQ(json_of(records.front()), R"({"size": 5, "open": true})");
  EXPECT_EQ(json_by_kind(records, {{"extent", "extents"}, {"attribute", "attributes"}}),
            R"({"inode": {"size": 5, "open": true}, "extents": [{"device": "/d"}], "attributes": []})");
  EXPECT_EQ(json_by_kind({}), "{}");
  EXPECT_EQ(json_of(rpc::Records()), "[]");
}

TEST(CtlMounts, AMountIsFoundByItsNumber) {
  constexpr std::string_view kText =
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "91 22 0:50 / /mnt/my\\040photos rw,noatime shared:7 master:2 - fuse.ciaosfs /data/store "
      "rw,user_id=0\n";
  const auto mount = mount_of(kText, 91);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->mountpoint, "/mnt/my photos");
  EXPECT_EQ(mount->type, "fuse.ciaosfs");
  EXPECT_EQ(mount->source, "/data/store");
  EXPECT_FALSE(mount_of(kText, 9));
  EXPECT_FALSE(mount_of("91 22\n", 91));
}

// Whether the program takes these words; its exit code if not.
int exit_code_of(std::vector<std::string> words) {
  Ctl ctl;
  CLI::App app("", "ciaosctl");
  declare(app, ctl);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code();
  }
  return ctl.run ? 0 : -1;
}

TEST(CtlArguments, VerbsTakeWhatTheySay) {
  EXPECT_EQ(exit_code_of({"status"}), 0);
  EXPECT_EQ(exit_code_of({"status", "/data/store", "--json"}), 0);
  EXPECT_EQ(exit_code_of({"--store", "/data/store", "volumes"}), 0);
  EXPECT_EQ(exit_code_of({"quota", "set", "/mnt/d", "--bytes", "10G", "--files", "5"}), 0);
  EXPECT_EQ(exit_code_of({"debug", "needle", "1:4096"}), 0);
  EXPECT_NE(exit_code_of({}), 0);
  EXPECT_NE(exit_code_of({"info"}), 0);
  EXPECT_NE(exit_code_of({"nothing"}), 0);
  EXPECT_NE(exit_code_of({"quota"}), 0);
  EXPECT_NE(exit_code_of({"log-level", "loud"}), 0);
  EXPECT_NE(exit_code_of({"warm", "/mnt", "--readers", "0"}), 0);
}

TEST(CiaosValue, PlacesAreCountedPairs) {
  const auto list_of = [](const std::vector<std::uint64_t>& numbers) {
    ByteWriter list;
    for (const std::uint64_t number : numbers) list.number(number);
    return list.take();
  };
  EXPECT_EQ(*parse_spans(list_of({2, 0, 200, 300, 400})), (std::vector<ValueSpan>{{0, 200}, {300, 400}}));
  EXPECT_EQ(*parse_spans(list_of({0})), std::vector<ValueSpan>());
  EXPECT_EQ(parse_spans(list_of({3, 0, 200, 300, 400})).code(), EUCLEAN);
  EXPECT_EQ(parse_spans(list_of({UINT64_MAX, 0, 200})).code(), EUCLEAN);
  EXPECT_EQ(parse_spans(ByteVector()).code(), EUCLEAN);
  ByteVector cut = list_of({1, 0, 200});
  cut.pop_back();
  EXPECT_EQ(parse_spans(cut).code(), EUCLEAN);
}

}  // namespace
}  // namespace ciaos::ctl
