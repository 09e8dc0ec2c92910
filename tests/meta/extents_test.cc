#include "meta/extents.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace ciaos::meta {
namespace {

// A small file as bytes: each names the needle it comes from and its place in that needle's payload; 0 is a hole.
constexpr std::size_t kFileBytes = 7;
using FileBytes = std::array<std::uint32_t, kFileBytes>;
using File = std::map<std::uint64_t, ExtentRow>;

constexpr std::uint32_t kPayloadBytes = 100;

Extent extent_of(std::uint32_t needle, std::uint64_t offset, std::uint64_t length) {
  Extent extent;
  extent.offset = offset;
  extent.row.length = length;
  extent.row.needle.at.offset = needle;
  extent.row.needle.payload_bytes = kPayloadBytes;
  extent.row.payload_offset = 10;
  return extent;
}

FileBytes bytes_of(const File& file) {
  FileBytes bytes{};
  for (const auto& [offset, row] : file) {
    for (std::uint64_t i = 0; i < row.length; ++i) {
      bytes[offset + i] = static_cast<std::uint32_t>(row.needle.at.offset) * 1000 + row.payload_offset +
                          static_cast<std::uint32_t>(i);
    }
  }
  return bytes;
}

std::vector<Extent> overlapping(const File& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<Extent> rows;
  for (const auto& [offset, row] : file) {
    if (offset < end && offset + row.length > begin) rows.push_back({offset, row});
  }
  return rows;
}

std::uint64_t stored_bytes(const File& file) {
  std::uint64_t sum = 0;
  for (const auto& [offset, row] : file) sum += row.length;
  return sum;
}

// Makes the edit as the engine does, and holds it against the promises of ExtentEdit.
void perform(const ExtentEdit& edit, File& file) {
  const auto before = static_cast<std::int64_t>(stored_bytes(file));
  for (const std::uint64_t offset : edit.removed) ASSERT_EQ(file.erase(offset), 1u);
  std::uint64_t end = 0;
  for (const Extent& extent : edit.added) {
    ASSERT_GE(extent.offset, end) << "added rows come in order";
    ASSERT_GT(extent.row.length, 0u);
    ASSERT_TRUE(file.emplace(extent.offset, extent.row).second);
    end = extent.end();
  }
  ASSERT_EQ(static_cast<std::int64_t>(stored_bytes(file)) - before, edit.stored_bytes);
  end = 0;
  for (const auto& [offset, row] : file) {
    ASSERT_GE(offset, end) << "extents never overlap";
    end = offset + row.length;
  }
}

// Every file of up to `kFileBytes` bytes made of extents and holes, each extent a needle of its own.
std::vector<File> every_file() {
  std::vector<File> files;
  const auto grow = [&files](auto&& self, File file, std::uint64_t at, std::uint32_t needle) -> void {
    if (at == kFileBytes) return files.push_back(file);
    self(self, file, at + 1, needle);  // a byte of hole
    for (std::uint64_t length = 1; at + length <= kFileBytes; ++length) {
      File longer = file;
      longer[at] = extent_of(needle, at, length).row;
      self(self, std::move(longer), at + length, needle + 1);
    }
  };
  grow(grow, {}, 0, 1);
  return files;
}

TEST(Extents, CuttingEveryRangeOfEveryFileLeavesAHoleAndNothingElseChanged) {
  for (const File& original : every_file()) {
    for (std::uint64_t begin = 0; begin <= kFileBytes; ++begin) {
      for (std::uint64_t end = begin; end <= kFileBytes; ++end) {
        FileBytes expected = bytes_of(original);
        std::fill(expected.begin() + static_cast<long>(begin), expected.begin() + static_cast<long>(end), 0u);
        File file = original;
        perform(cut_range(overlapping(file, begin, end), begin, end), file);
        ASSERT_EQ(bytes_of(file), expected);
      }
    }
  }
}

TEST(Extents, ReplacingEveryRangeOfEveryFileShowsTheNewBytesThereOnly) {
  for (const File& original : every_file()) {
    for (std::uint64_t begin = 0; begin < kFileBytes; ++begin) {
      for (std::uint64_t end = begin + 1; end <= kFileBytes; ++end) {
        const Extent laid = extent_of(99, begin, end - begin);
        FileBytes expected = bytes_of(original);
        const FileBytes fresh = bytes_of({{laid.offset, laid.row}});
        for (std::uint64_t i = begin; i < end; ++i) expected[i] = fresh[i];
        File file = original;
        perform(replace_range(overlapping(file, begin, end), laid), file);
        ASSERT_EQ(bytes_of(file), expected);
      }
    }
  }
}

TEST(Extents, ClippingKeepsEachByteAtItsPlaceInThePayload) {
  const Extent whole = extent_of(1, 100, 50);
  const Extent piece = clipped(whole, 110, 120);
  EXPECT_EQ(piece.offset, 110u);
  EXPECT_EQ(piece.row.length, 10u);
  EXPECT_EQ(piece.row.payload_offset, 20u);
  EXPECT_EQ(piece.row.needle, whole.row.needle);
  EXPECT_EQ(clipped(whole, 0, UINT64_MAX), whole);
}

TEST(Extents, WhatIsReservedHasNoPlaceInAPayloadAndIsCounted) {
  const std::vector<Extent> reserved{{100, ExtentRow::reservation(50)}};
  const ExtentEdit cut = cut_range(reserved, 110, 120);
  EXPECT_EQ(cut.reserved_bytes, -10);
  EXPECT_EQ(cut.stored_bytes, -10);
  ASSERT_EQ(cut.added.size(), 2u);
  EXPECT_EQ(cut.added[0], (Extent{100, ExtentRow::reservation(10)}));
  EXPECT_EQ(cut.added[1], (Extent{120, ExtentRow::reservation(30)}));
  const ExtentEdit written = replace_range(reserved, extent_of(1, 90, 20));
  EXPECT_EQ(written.reserved_bytes, -10);
  EXPECT_EQ(written.stored_bytes, 10);
}

TEST(Extents, ClippingTheLastByteOfTheLargestFile) {
  const Extent last = extent_of(1, INT64_MAX - 2, 2);
  EXPECT_EQ(clipped(last, INT64_MAX - 1, UINT64_MAX).row.length, 1u);
}

TEST(ExtentsDeathTest, ClippingWhatDoesNotOverlapIsOurMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(clipped(extent_of(1, 100, 50), 0, 100)), "");
}

}  // namespace
}  // namespace ciaos::meta
