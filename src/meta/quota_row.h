// What is kept of a quota tree: limits, and what the tree has. The value of an extended attribute of its root, of a name that no
// caller of the mount can spell. Tabled in doc/format-records.md. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/rows.h"

namespace ciaos::meta {

inline constexpr std::string_view kQuotaXattr = "ciaos.quota";

struct QuotaRow {
  std::uint64_t bytes_max = 0;  // 0: no limit
  std::uint64_t files_max = 0;  // the same
  std::uint64_t bytes = 0;      // sum of charged_bytes() over its inodes
  std::uint64_t files = 0;      // its inodes: the root, directories, everything
  bool operator==(const QuotaRow&) const = default;
};

std::string encode_quota(const QuotaRow& row);
// nullopt: damaged, or of a version that is not known.
std::optional<QuotaRow> decode_quota(std::string_view bytes);

// What a tree is charged for an inode that stores so much: what st_blocks shows of it.
constexpr std::uint64_t charged_bytes(std::uint64_t stored_bytes) { return (stored_bytes + 511) / 512 * 512; }

}  // namespace ciaos::meta
