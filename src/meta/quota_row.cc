#include "meta/quota_row.h"

#include "base/bytes.h"
#include "meta/row_codec.h"

namespace ciaos::meta {
namespace {

constexpr std::uint64_t kQuotaRowVersion = 1;

}  // namespace

std::string encode_quota(const QuotaRow& row) {
  ByteWriter out;
  out.varint(kQuotaRowVersion);
  for (const std::uint64_t number : {row.bytes_max, row.files_max, row.bytes, row.files}) out.varint(number);
  return std::string(as_text(out.buffer()));
}

std::optional<QuotaRow> decode_quota(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  BoundedReader numbers(in);
  if (in.varint() != kQuotaRowVersion) return std::nullopt;
  QuotaRow row;
  row.bytes_max = numbers.number(kNumberMax);
  row.files_max = numbers.number(kNumberMax);
  row.bytes = numbers.number(kNumberMax);
  row.files = numbers.number(kNumberMax);
  if (!numbers.ok() || !in.at_end()) return std::nullopt;
  return row;
}

}  // namespace ciaos::meta
