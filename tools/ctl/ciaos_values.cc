#include "tools/ctl/ciaos_values.h"

namespace ciaos::ctl {

Result<std::vector<ValueSpan>> parse_spans(ByteSpan list) {
  constexpr std::size_t kNumber = sizeof(std::uint64_t);
  if (list.size() < kNumber || (list.size() - kNumber) % (2 * kNumber) != 0)
    return fail(EUCLEAN, "a list of places that is cut off");
  const std::size_t count = (list.size() - kNumber) / (2 * kNumber);
  if (load_le<std::uint64_t>(list.data()) != count)
    return fail(EUCLEAN, "a list of places with a wrong count");
  std::vector<ValueSpan> spans;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* at = list.data() + kNumber + i * 2 * kNumber;
    spans.push_back({load_le<std::uint64_t>(at), load_le<std::uint64_t>(at + kNumber)});
  }
  return spans;
}

Result<CiaosValues> CiaosValues::open(const std::string& database) {
  meta::Connection connection = TRY(meta::Connection::open(database, meta::Connection::Access::read));
  const auto count = connection.number("SELECT count(*) FROM haystack");
  if (!count.ok()) return with_context(count.error(), database + " has no values of CIAOS");
  const bool has_buckets =
      TRY(connection.number("SELECT count(*) FROM pragma_table_info('haystack') WHERE name = 'bucket'")) > 0;
  meta::Statement rows = TRY(connection.prepare(
      has_buckets ? "SELECT user, key, offset_size_list, coalesce(bucket, '') FROM haystack ORDER BY id"
                  : "SELECT user, key, offset_size_list FROM haystack ORDER BY id"));
  return CiaosValues(std::move(connection), std::move(rows), has_buckets, *count);
}

Result<std::optional<CiaosValue>> CiaosValues::next() {
  // Behind its end a statement begins anew.
  if (ended_ || !TRY(rows_.step())) {
    ended_ = true;
    return std::optional<CiaosValue>();
  }
  return std::optional<CiaosValue>({.user = std::string(rows_.text(0)),
                                    .bucket = has_buckets_ ? std::string(rows_.text(3)) : std::string(),
                                    .key = std::string(rows_.text(1)),
                                    .spans = parse_spans(rows_.bytes(2))});
}

}  // namespace ciaos::ctl
