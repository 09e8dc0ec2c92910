// A directory with an index in it, and words for what tests do with one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "meta/index.h"
#include "support/temporary_directory.h"

namespace ciaos::meta::test {

inline Uuid store_uuid(std::uint8_t first = 1) {
  Uuid uuid;
  uuid.bytes.fill(7);
  uuid.bytes[0] = first;
  return uuid;
}

inline TxnRef position(std::uint64_t sequence) {
  TxnRef ref;
  ref.sequence = Sequence(sequence);
  ref.epoch = Epoch(3);
  ref.digest = {sequence * 17, sequence * 31};
  ref.at = {make_volume_id(0, 1), Generation(2), sequence * 4096};
  ref.resume = {make_volume_id(0, 1), Generation(2), sequence * 4096 + 512};
  return ref;
}

inline InodeRow file(std::uint64_t size = 0) {
  InodeRow row;
  row.mode = 0100644;
  row.links = 1;
  row.size = row.stored_bytes = size;
  row.modified = row.changed = row.born = row.accessed = {1'700'000'000, 5};
  return row;
}

inline ExtentRow extent(VolumeId volume, std::uint64_t needle_offset, std::uint64_t length) {
  ExtentRow row;
  row.length = length;
  row.needle = {{volume, Generation(1), needle_offset}, static_cast<std::uint32_t>(length), 0x89ABCDEF};
  return row;
}

class IndexTest : public testing::Test {
 protected:
  std::string directory() const { return temporary_.path() + "/index"; }
  std::string database() const { return directory() + "/index.sqlite"; }
  std::string wal() const { return database() + "-wal"; }

  void SetUp() override { open(); }

  void open(Index::Mode mode = Index::Mode::open_or_create) {
    auto opened = Index::open(directory(), store_uuid(), mode);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    index_ = *std::move(opened);
    sequence_ = applied() ? applied()->sequence.value() : 0;
  }
  void reopen(Index::Mode mode = Index::Mode::open_or_create) {
    close();
    open(mode);
  }
  void close() { index_.reset(); }
  int error_of_open(Index::Mode mode, const Uuid& store = store_uuid()) {
    return Index::open(directory(), store, mode).code();
  }

  // Applies one batch at the next position.
  Status apply(const Changes& changes) {
    const Changes* const batch = &changes;
    return index_->apply({&batch, 1}, position(++sequence_));
  }
  void must_apply(const Changes& changes) {
    const Status done = apply(changes);
    ASSERT_TRUE(done.ok()) << to_string(done.error());
  }

  IndexReader reader() {
    auto made = index_->reader();
    EXPECT_TRUE(made.ok()) << to_string(made.error());
    return *std::move(made);
  }
  std::optional<TxnRef> applied() { return *reader().applied(); }

  // All rows, as a scan gives them in pieces of about `bytes`.
  Changes everything(std::size_t bytes = 1u << 20) {
    IndexReader view = reader();
    EXPECT_TRUE(view.begin().ok());
    Changes all = scanned(view, bytes);
    EXPECT_TRUE(view.end().ok());
    return all;
  }
  static Changes scanned(IndexReader& view, std::size_t bytes) {
    Changes all, piece;
    IndexReader::Cursor cursor;
    for (;;) {
      const auto more = view.scan(cursor, bytes, piece);
      EXPECT_TRUE(more.ok()) << to_string(more.error());
      if (!more.ok() || !*more) return all;
      all.inodes.merge(piece.inodes);
      all.names.merge(piece.names);
      all.extents.merge(piece.extents);
      all.xattrs.merge(piece.xattrs);
      all.volumes.merge(piece.volumes);
      all.counters.merge(piece.counters);
      EXPECT_TRUE(piece.empty()) << "a row was given twice";
    }
  }
  std::vector<std::string> listing(InodeId parent) {
    std::vector<std::string> names;
    IndexReader view = reader();
    const auto entries = view.names(parent, 0, SIZE_MAX);
    for (const NameEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  VolumeUsage usage(VolumeId volume) {
    IndexReader view = reader();
    const auto volumes = view.volumes();
    for (const VolumeUsage& each : *volumes) {
      if (each.volume == volume) return each;
    }
    ADD_FAILURE() << "no such volume";
    return {};
  }

  ciaos::test::TemporaryDirectory temporary_;
  std::unique_ptr<Index> index_;
  std::uint64_t sequence_ = 0;
};

}  // namespace ciaos::meta::test
