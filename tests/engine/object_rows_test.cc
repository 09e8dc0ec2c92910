// The rows beside an object, byte by byte; doc/format-records.md has the same table.
#include "engine/object_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ciaos::engine {
namespace {

using namespace std::string_literals;

TEST(ObjectRows, NotesAreTheseBytes) {
  const NotesRow row{.change = 300,
                     .notes = {.etag = "e", .facts = {{"f", "v"}}, .labels = {{"a", ""}, {"b", "xy"}}}};
  const std::string bytes =
      "\x01\xAC\x02\x01"
      "e\x01\x01"
      "f\x01"
      "v\x02\x01"
      "a\x00\x01"
      "b\x02xy"s;
  EXPECT_EQ(encode_notes(row), bytes);
  EXPECT_EQ(decode_notes(bytes), row);
}

TEST(ObjectRows, NotesThatAreCutShortOrTooLongAreRefused) {
  const std::string bytes =
      encode_notes({.change = 1, .notes = {.etag = "e", .facts = {{"f", "v"}}, .labels = {{"a", "b"}}}});
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_EQ(decode_notes(bytes.substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(decode_notes(bytes + '\0'), std::nullopt);
  EXPECT_EQ(decode_notes("\x02" + bytes.substr(1)), std::nullopt) << "a version that nobody knows";
}

TEST(ObjectRows, ElementsAreTheseBytes) {
  const ElementsRow row{.change = 5, .elements = 200, .rows = 3};
  EXPECT_EQ(encode_elements(row), "\x01\x05\xC8\x01\x03");
  EXPECT_EQ(decode_elements("\x01\x05\xC8\x01\x03"), row);
  EXPECT_EQ(decode_elements("\x01\x05\xC8\x01"), std::nullopt);
  EXPECT_EQ(lengths_row_name(7), "ciaos.elements.7");
  EXPECT_EQ(encode_lengths({0, 1, 300}), "\0\x01\xAC\x02"s);
  std::vector<std::uint64_t> lengths;
  EXPECT_TRUE(decode_lengths("\0\x01\xAC\x02"s, lengths));
  EXPECT_THAT(lengths, testing::ElementsAre(0, 1, 300));
  EXPECT_FALSE(decode_lengths("\xAC", lengths));
}

}  // namespace
}  // namespace ciaos::engine
