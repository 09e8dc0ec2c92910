// The data directory of the original CIAOS: a table of values in SQLite, and files of a user's, or a bucket's, bytes.
//
//   haystack(id, user, key, offset_size_list) and, in newer ones, bucket
//   <user>.bin, or <user>/<bucket>.bin where there is a bucket
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "meta/connection.h"

namespace ciaos::ctl {

struct ValueSpan {
  std::uint64_t offset = 0;  // in the user's file
  std::uint64_t bytes = 0;
  bool operator==(const ValueSpan&) const = default;
};

// u64 count, then u64 offset and u64 size of each element, all little-endian. EUCLEAN for anything else.
Result<std::vector<ValueSpan>> parse_spans(ByteSpan list);

// A value, of which nothing was checked but `spans`.
struct CiaosValue {
  std::string user;
  std::string bucket;  // empty: none
  std::string key;
  Result<std::vector<ValueSpan>> spans = fail(EUCLEAN);
};

// Not thread-safe.
class CiaosValues {
 public:
  // EUCLEAN: not such a database; ENOENT.
  static Result<CiaosValues> open(const std::string& database);
  std::uint64_t count() const { return count_; }
  // In order of their ids; nothing: that was all.
  Result<std::optional<CiaosValue>> next();

 private:
  CiaosValues(meta::Connection connection, meta::Statement rows, bool has_buckets, std::uint64_t count)
      : connection_(std::move(connection)),
        rows_(std::move(rows)),
        has_buckets_(has_buckets),
        count_(count) {}
  meta::Connection connection_;
  meta::Statement rows_;
  bool has_buckets_;
  std::uint64_t count_;
  bool ended_ = false;
};

}  // namespace ciaos::ctl
