// The database of an index that somebody has changed: it is refused, or read and written within bounds.
//
// The input is what to change in a sound one, so that it stays small: the number of bytes to cut off the end (u32), then any
// number of edits: offset (u32), count (u8), that many bytes to be XORed there.
#include <dirent.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/assert.h"
#include "meta/index.h"
#include "support/random.h"
#include "support/random_changes.h"
#include "support/temporary_directory.h"
#include "tests/fuzz/tables.h"

namespace ciaos::fuzz {
namespace {

using meta::Index;

constexpr InodeId kAdded{1ull << 40};

constexpr Uuid kStore{{1, 2, 3}};
constexpr std::size_t kEditBytesMax = 16;
constexpr std::size_t kRowsMax = 1000;

TxnRef position(std::uint64_t sequence) {
  TxnRef ref;
  ref.sequence = Sequence(sequence);
  ref.epoch = Epoch(1);
  return ref;
}

class Database {
 public:
  Database() {
    test::Random random(1);
    const meta::Changes rows = meta::test::random_rows(random, 200);
    auto index = Index::open(directory_.path(), kStore, Index::Mode::open_or_create);
    CIAOS_ASSERT(index.ok());
    const meta::Changes* const batch = &rows;
    CIAOS_ASSERT((*index)->apply({&batch, 1}, position(1)).ok());
    CIAOS_ASSERT((*index)->checkpoint().ok());
    index->reset();
    std::ifstream file(database(), std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(file), {});
    CIAOS_ASSERT(!sound_.empty());
  }
  const std::string& directory() const { return directory_.path(); }

  void put(ByteSpan edits) {
    std::string bytes = sound_;
    ByteReader in(edits);
    const std::size_t kept = bytes.size() - in.number<std::uint32_t>() % (bytes.size() + 1);
    while (in.remaining() > 0) {
      const std::size_t at = in.number<std::uint32_t>() % bytes.size();
      const std::size_t count =
          std::min({in.number<std::uint8_t>() % kEditBytesMax, in.remaining(), bytes.size() - at});
      const ByteSpan edit = in.bytes(count);
      for (std::size_t i = 0; i < edit.size(); ++i) bytes[at + i] ^= static_cast<char>(edit[i]);
    }
    CIAOS_ASSERT(Index::remove(directory()).ok());
    std::ofstream(database(), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(kept));
  }

 private:
  std::string database() const { return directory_.path() + "/index.sqlite"; }

  test::TemporaryDirectory directory_;
  std::string sound_;
};

ByteVector example_index(std::uint64_t seed) {
  test::Random random(seed);
  ByteWriter out;
  out.number(std::uint32_t{0});
  for (std::uint64_t edits = 1 + random.below(6); edits > 0; --edits) {
    const ByteVector nothing(random.below(kEditBytesMax));
    out.number(static_cast<std::uint32_t>(random.next()));
    out.number(static_cast<std::uint8_t>(nothing.size()));
    out.bytes(nothing);
  }
  return out.take();
}

// Every call that the engine has, up to a bound.
bool read_all(meta::IndexReader& reader) {
  bool sound = reader.volumes().ok() && reader.reserved_bytes().ok() && reader.applied().ok();
  sound &= reader.orphans(InodeId(0), kRowsMax).ok();
  sound &= reader.extents_in_volume(make_volume_id(0, 1), 0, kRowsMax).ok();
  if (!reader.begin().ok()) return false;
  meta::IndexReader::Cursor cursor;
  meta::Changes rows;
  for (std::size_t pieces = 0; pieces < 100; ++pieces) {
    const auto more = reader.scan(cursor, 1u << 16, rows);
    sound &= more.ok();
    if (!more.ok() || !*more) break;
    std::size_t looked_at = 0;
    for (const auto& [inode, row] : rows.inodes) {
      if (++looked_at > 20) break;
      sound &= reader.inode(inode).ok() && reader.extents(inode, 0, INT64_MAX, kRowsMax).ok();
      sound &= reader.names(inode, 0, kRowsMax).ok() && reader.xattr_names(inode).ok();
    }
    for (const auto& [key, row] : rows.names) {
      if (++looked_at > 40) break;
      sound &=
          reader.name(key.parent, key.name).ok() && reader.names_from(key.parent, key.name, kRowsMax).ok();
    }
    for (const auto& [key, row] : rows.xattrs) {
      if (++looked_at > 60) break;
      sound &= reader.xattr(key.inode, key.name).ok();
    }
  }
  CIAOS_ASSERT(reader.end().ok());
  return sound;
}

bool open_and_read(const std::string& directory, Index::Mode mode) {
  const auto index = Index::open(directory, kStore, mode);
  if (!index.ok()) return false;
  auto reader = (*index)->reader();
  if (!reader.ok()) return false;
  bool sound = read_all(*reader);
  const auto applied = reader->applied();
  if (mode == Index::Mode::read_only || !applied.ok()) return sound;
  const std::uint64_t last = *applied ? (*applied)->sequence.value() : 0;
  if (last >= INT64_MAX) return sound;
  meta::Changes changes;
  changes.inodes.insert_or_assign(kAdded, meta::InodeRow());
  changes.names.insert_or_assign({kAdded, "name"}, meta::NameRow{kAdded, 3, DT_DIR});
  const meta::Changes* const batch = &changes;
  sound &= (*index)->apply({&batch, 1}, position(last + 1)).ok();
  sound &= (*index)->checkpoint().ok();
  return sound && read_all(*reader);
}

bool decode_index(ByteSpan bytes) {
  static Database database;
  database.put(bytes);
  // The reader writes nothing, so the writer meets the same bytes.
  const bool readable = open_and_read(database.directory(), Index::Mode::read_only);
  return open_and_read(database.directory(), Index::Mode::existing) && readable;
}

constexpr Decoder kDecoders[] = {{"Index", example_index, decode_index}};

}  // namespace

std::span<const Decoder> index_decoders() { return kDecoders; }

}  // namespace ciaos::fuzz
