#include "rpc/operation_records.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace ciaos::rpc {

// "BUCKET:COUNT BUCKET:COUNT": most of them are empty.
Record operation_record(const std::string& name, const OperationTotals& totals) {
  std::string buckets;
  for (std::size_t i = 0; i < totals.buckets.size(); ++i) {
    if (totals.buckets[i] == 0) continue;
    if (!buckets.empty()) buckets += ' ';
    buckets += std::to_string(i) + ":" + std::to_string(totals.buckets[i]);
  }
  return Record{"operation", {}}
      .add("name", name)
      .add("count", totals.count())
      .add("nanoseconds", totals.nanoseconds)
      .add("bytes", totals.bytes)
      .add("buckets", buckets);
}

OperationTotals totals_of(const Record& record) {
  OperationTotals totals;
  if (record.kind != "operation") return totals;
  totals.nanoseconds = record.number("nanoseconds");
  totals.bytes = record.number("bytes");
  const std::string text = record.text("buckets");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    std::size_t bucket = 0;
    std::uint64_t count = 0;
    const char* const end = word.data() + word.size();
    const auto first = std::from_chars(word.data(), end, bucket);
    const bool is_bucket = first.ec == std::errc() && bucket < totals.buckets.size();
    if (!is_bucket || first.ptr == end || *first.ptr != ':') continue;
    if (std::from_chars(first.ptr + 1, end, count).ptr == end) totals.buckets[bucket] = count;
  }
  return totals;
}

}  // namespace ciaos::rpc
