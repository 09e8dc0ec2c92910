// GET and HEAD of objects: conditions, ranges, and the bytes.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "sidecar/s3_cors.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

constexpr std::uint64_t kAttributePartsMax = 1000;
constexpr std::pair<std::string_view, std::string_view> kStoredHeaders[] = {
    {"cache-control", "Cache-Control"},       {"content-disposition", "Content-Disposition"},
    {"content-encoding", "Content-Encoding"}, {"content-language", "Content-Language"},
    {"content-type", "Content-Type"},         {"expires", "Expires"},
};

bool names(const std::vector<std::string>& etags, const engine::ObjectInfo& info) {
  return std::ranges::any_of(etags, [&](const std::string& e) { return e == "*" || e == info.notes.etag; });
}

// Parses all of `text`, not empty.
bool parse_position(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

Headers headers_of(const S3Request& request, const engine::ObjectInfo& info) {
  Headers headers{{"ETag", in_quotes(info.notes.etag)},
                  {"Last-Modified", http_date(info.modified.seconds)},
                  {"Accept-Ranges", "bytes"}};
  for (const auto& [label, name] : kStoredHeaders) {
    const auto found = info.notes.labels.find(std::string(label));
    std::string value = found == info.notes.labels.end() ? "" : found->second;
    if (const std::string* wished = request.parameter(fmt::format("response-{}", label))) value = *wished;
    if (value.empty() && label == "content-type") value = "binary/octet-stream";
    const bool clean =
        std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (!value.empty() && clean) headers.emplace_back(name, value);
  }
  for (const auto& [label, value] : info.notes.labels) {
    if (label.starts_with("x-amz-meta-")) headers.emplace_back(label, value);
  }
  const auto tags = info.notes.labels.find(kTagsLabel);
  if (tags != info.notes.labels.end()) {
    const auto count = parse_query(tags->second).value_or(Query()).size();
    headers.emplace_back("x-amz-tagging-count", std::to_string(count));
  }
  return headers;
}

// The rest of an answer that has begun, whose first bytes are out.
void send_rest(S3Request& request, InodeId handle, ByteRange range, ObjectKeystream* keystream) {
  Worker& worker = request.exchange.worker;
  while (range.begin < range.end) {
    const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, range.end - range.begin);
    const auto count = request.client.read(handle, range.begin, wanted, worker.memory);
    // Shorter than it was a moment ago, or damaged: the length is out already, so the connection has to say it.
    if (!count.ok() || *count == 0) return request.exchange.break_off();
    if (keystream != nullptr) keystream->apply(range.begin, worker.memory.bytes().first(*count));
    if (!request.exchange.send(worker.memory.bytes().first(*count))) return;
    range.begin += *count;
  }
}

S3Answer answer_opened(S3Request& request, const rpc::Opened& opened, const Presentation& present) {
  const engine::ObjectInfo& info = opened.info;
  Headers headers = headers_of(request, info);
  std::ranges::move(cors_headers(request), std::back_inserter(headers));
  if (const int status = judge_conditions(request.head(), "", info)) {
    if (status == 304) return {.status = 304, .headers = headers, .body = {}};
    return request.refuse(S3Error::precondition_failed);
  }
  std::optional<ObjectKeystream> keystream;
  const std::string cipher = fact_of(info, kCipherFact);
  if (request.head().header("x-amz-server-side-encryption") != nullptr)
    return request.refuse(S3Error::invalid_argument, "How an object is encrypted is said when it is put.");
  const WantedCipher wanted = cipher_of(request, cipher);
  if (wanted.refused) return *wanted.refused;
  if (wanted.cipher) {
    keystream = keystream_of(*wanted.cipher, info);
    if (!keystream) return request.refuse(S3Error::internal);
    std::ranges::move(cipher_headers(cipher), std::back_inserter(headers));
  }
  ByteRange range{0, info.size};
  int status = 200;
  if (const std::string* wished = request.head().header("range")) {
    const ParsedRange parsed = parse_range(*wished, info.size);
    if (parsed.fault == RangeFault::unsatisfiable) {
      S3Answer refused = request.refuse(S3Error::invalid_range);
      refused.headers.emplace_back("Content-Range", fmt::format("bytes */{}", info.size));
      return refused;
    }
    if (parsed.fault == RangeFault::none) {
      range = parsed.range;
      status = 206;
      headers.emplace_back("Content-Range",
                           fmt::format("bytes {}-{}/{}", range.begin, range.end - 1, info.size));
    }
  }
  // They are the whole object's, so they say nothing of a part of it.
  if (status == 200 && request.head().header_or_empty("x-amz-checksum-mode") == "ENABLED") {
    for (const auto& [fact, value] : info.notes.facts) {
      if (fact.starts_with("x-amz-checksum-")) headers.emplace_back(fact, value);
    }
  }
  const std::uint64_t length = range.end - range.begin;
  if (request.head().method == "HEAD") {
    request.exchange.begin(status, headers, length, {});
    return {.sent = true};
  }
  Worker& worker = request.exchange.worker;
  std::uint64_t first = std::min<std::uint64_t>(length, kPieceBytes);
  ByteSpan bytes;
  if (range.begin == 0 && opened.bytes >= first) {
    bytes = worker.memory.bytes().first(first);  // came with the opening
  } else if (first > 0) {
    // Before the head goes out: damage is still an answer then.
    const auto count = request.client.read(opened.handle, range.begin, first, worker.memory);
    if (!count.ok()) return request.refuse(count.error());
    if (*count == 0) return request.refuse(S3Error::internal);
    bytes = worker.memory.bytes().first(*count);
  }
  if (keystream) keystream->apply(range.begin, worker.memory.bytes().first(bytes.size()));
  if (present) headers = present(info, bytes);
  request.exchange.begin(status, headers, length, bytes);
  if (request.exchange.head.method == "HEAD") return {.sent = true};
  send_rest(request, opened.handle, {range.begin + bytes.size(), range.end},
            keystream ? &*keystream : nullptr);
  return {.sent = true};
}

// The parts that an object was uploaded in, a page of them; false: the headers that say which are none.
bool add_parts(XmlWriter& xml, const S3Request& request, const engine::ObjectInfo& info) {
  const std::vector<std::uint64_t> sizes = parse_part_sizes(fact_of(info, kPartSizesFact));
  if (sizes.empty()) return true;
  std::uint64_t most = kAttributePartsMax;
  std::uint64_t after = 0;
  const std::string* most_text = request.head().header("x-amz-max-parts");
  const std::string* after_text = request.head().header("x-amz-part-number-marker");
  if (most_text != nullptr && !parse_position(*most_text, most)) return false;
  if (after_text != nullptr && !parse_position(*after_text, after)) return false;
  const std::uint64_t begin = std::min<std::uint64_t>(after, sizes.size());
  const std::uint64_t end = begin + std::min<std::uint64_t>({most, kAttributePartsMax, sizes.size() - begin});
  xml.open("ObjectParts")
      .add("PartsCount", std::to_string(sizes.size()))
      .add("PartNumberMarker", std::to_string(after))
      .add("NextPartNumberMarker", std::to_string(end))
      .add("MaxParts", std::to_string(most))
      .add("IsTruncated", end < sizes.size() ? "true" : "false");
  for (std::uint64_t i = begin; i < end; ++i)
    xml.open("Part").add("PartNumber", std::to_string(i + 1)).add("Size", std::to_string(sizes[i])).close();
  xml.close();
  return true;
}

}  // namespace

int judge_conditions(const HttpHead& head, std::string_view prefix, const engine::ObjectInfo& info) {
  const auto header = [&](std::string_view name) {
    return head.header(std::string(prefix) + std::string(name));
  };
  const auto time_of = [&](std::string_view name) -> std::optional<std::int64_t> {
    const std::string* text = header(name);
    return text == nullptr ? std::nullopt : parse_http_date(*text);
  };
  const std::string* match = header("if-match");
  if (match != nullptr && !names(etags_of(*match), info)) return 412;
  const auto unmodified = time_of("if-unmodified-since");
  if (match == nullptr && unmodified && info.modified.seconds > *unmodified) return 412;
  const int no = prefix.empty() ? 304 : 412;
  const std::string* none_match = header("if-none-match");
  if (none_match != nullptr && names(etags_of(*none_match), info)) return no;
  const auto modified = time_of("if-modified-since");
  if (none_match == nullptr && modified && info.modified.seconds <= *modified) return no;
  return 0;
}

ParsedRange parse_range(const std::string& header, std::uint64_t size) {
  std::string_view text = header;
  if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return {};
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = text.substr(dash + 1);
  ParsedRange parsed{RangeFault::none, {0, size}};
  if (first.empty()) {
    std::uint64_t suffix = 0;
    if (!parse_position(last, suffix)) return {};
    if (suffix == 0 || size == 0) return {RangeFault::unsatisfiable, {}};
    parsed.range.begin = size - std::min(suffix, size);
    return parsed;
  }
  if (!parse_position(first, parsed.range.begin)) return {};
  if (!last.empty()) {
    std::uint64_t end = 0;
    if (!parse_position(last, end) || end < parsed.range.begin) return {};
    parsed.range.end = end >= size ? size : end + 1;
  }
  if (parsed.range.begin >= size) return {RangeFault::unsatisfiable, {}};
  return parsed;
}

S3Answer get_object(S3Request& request) { return send_object(request, {}); }

S3Answer send_object(S3Request& request, const Presentation& present) {
  const bool head = request.head().method == "HEAD";
  const rpc::Memory* memory = head ? nullptr : &request.exchange.worker.memory;
  const bool ranged = request.head().header("range") != nullptr;
  const auto opened = request.client.open(request.path(), ranged ? nullptr : memory, 0, kPieceBytes);
  if (!opened.ok()) return request.refuse(opened.error());
  const S3Answer answer = answer_opened(request, *opened, present);
  if (opened->handle != InodeId{}) request.client.close(opened->handle);
  return answer;
}

S3Answer get_object_attributes(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  if (auto wanted = cipher_of(request, fact_of(*info, kCipherFact)); wanted.refused) return *wanted.refused;
  const std::string wished = request.head().header_or_empty("x-amz-object-attributes");
  if (wished.empty()) return request.refuse(S3Error::invalid_argument);
  XmlWriter xml("GetObjectAttributesResponse");
  if (wished.find("ETag") != std::string::npos) xml.add("ETag", info->notes.etag);
  if (wished.find("Checksum") != std::string::npos) {
    xml.open("Checksum");
    for (const auto& [label, name] :
         {std::pair{"crc32", "ChecksumCRC32"}, std::pair{"crc32c", "ChecksumCRC32C"},
          std::pair{"sha1", "ChecksumSHA1"}, std::pair{"sha256", "ChecksumSHA256"}}) {
      const auto found = info->notes.facts.find(std::string("x-amz-checksum-") + label);
      if (found != info->notes.facts.end()) xml.add(name, found->second);
    }
    xml.close();
  }
  if (wished.find("ObjectParts") != std::string::npos && !add_parts(xml, request, *info))
    return request.refuse(S3Error::invalid_argument);
  if (wished.find("StorageClass") != std::string::npos) xml.add("StorageClass", "STANDARD");
  if (wished.find("ObjectSize") != std::string::npos) xml.add("ObjectSize", std::to_string(info->size));
  S3Answer answer = xml_answer(xml);
  answer.headers.emplace_back("Last-Modified", http_date(info->modified.seconds));
  return answer;
}

}  // namespace ciaos::sidecar
