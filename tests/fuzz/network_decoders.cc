// What comes through a socket: HTTP and S3 to the sidecar, messages of the local protocol to the daemon.
#include <wire_generated.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "rpc/load_batch.h"
#include "rpc/protocol.h"
#include "sidecar/aws_chunks.h"
#include "sidecar/file_data.h"
#include "sidecar/http_head.h"
#include "sidecar/s3_cors.h"
#include "sidecar/s3_form.h"
#include "sidecar/s3_operations.h"
#include "sidecar/s3_policy.h"
#include "sidecar/sigv4.h"
#include "sidecar/xml.h"
#include "support/random.h"
#include "tests/fuzz/tables.h"

namespace ciaos::fuzz {
namespace {

using namespace sidecar;
using test::Random;

ByteVector bytes_of(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

// --- HTTP ---

ByteVector example_head(std::uint64_t seed) {
  Random random(seed);
  std::string head = random.chance(50) ? "GET /" : "PUT http://host/";
  head += percent_encoded(random.bytes(random.below(20)), true) + "?list-type=2&prefix=%2F";
  head += random.chance(80) ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  if (random.chance(50))
    head += "Content-Length: " + std::to_string(random.next() >> 1) + "\r\n";
  else
    head += "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n";
  head += "Range: bytes=" + std::to_string(random.below(100)) + "-\r\nIf-Match: \"a\", W/\"b\"\r\n";
  return bytes_of(head + "Connection: keep-alive\r\n\r\n");
}

bool decode_head(ByteSpan bytes) {
  const std::string_view text = as_text(bytes);
  CIAOS_ASSERT(end_of_head(text) == std::string_view::npos || end_of_head(text) <= text.size());
  const ParsedHead parsed = parse_head(text);
  if (parsed.status != 0) return false;
  CIAOS_ASSERT(parsed.head.headers.size() <= kHeadersMax && parsed.head.path.starts_with('/'));
  for (const auto& [name, value] : parse_query(parsed.head.query).value_or(Query())) {
    CIAOS_ASSERT(percent_decoded(percent_encoded(name, false)) == name);
    CIAOS_ASSERT(percent_decoded(percent_encoded(value, true)) == value);
  }
  const ParsedRange range = parse_range(parsed.head.header_or_empty("range"), 1000);
  if (range.fault == RangeFault::none)
    CIAOS_ASSERT(range.range.begin < range.range.end && range.range.end <= 1000);
  (void)etags_of(parsed.head.header_or_empty("if-match"));
  return true;
}

// --- signatures ---

ByteVector example_signature(std::uint64_t seed) {
  Random random(seed);
  const std::string scope = "key/20130524/region/s3/aws4_request";
  const std::string sum = hex(digest(DigestKind::sha256, random.bytes(4)));
  if (random.chance(50)) {
    return bytes_of(
        "GET /a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + percent_encoded(scope, false) +
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + sum +
        " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  return bytes_of(
      "GET /a?b=c&b HTTP/1.1\r\nHost:  h  h \r\nX-Amz-Date: 20130524T000000Z\r\nX-Amz-Content-Sha256: " +
      sum + "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + scope +
      ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" + sum + "\r\n\r\n");
}

bool decode_signature(ByteSpan bytes) {
  const ParsedHead parsed = parse_head(as_text(bytes));
  if (parsed.status != 0) return false;
  const Query query = parse_query(parsed.head.query).value_or(Query());
  const ParsedSignature signature = parse_signature(parsed.head, query);
  if (signature.fault != SignatureFault::none) return false;
  CIAOS_ASSERT(expected_signature(parsed.head, query, signature.signature, "secret").size() == 64);
  (void)parse_amz_time(signature.signature.time);
  return true;
}

// --- XML ---

ByteVector example_xml(std::uint64_t seed) {
  Random random(seed);
  XmlWriter writer("Delete");
  for (std::uint64_t objects = 1 + random.below(4); objects > 0; --objects) {
    std::string key = random.bytes(random.below(20));
    std::erase(key, '\0');
    writer.open("Object").add("Key", key).close();
  }
  const std::string text = writer.add("Quiet", "true").finish();
  return bytes_of(random.chance(50) ? text
                                    : "<?xml version='1.0'?><a b='c'><!-- d --><![CDATA[<]]>&#x41;&lt;</a>");
}

std::size_t elements_of(const XmlElement& element, std::size_t depth) {
  CIAOS_ASSERT(depth <= kXmlDepthMax);
  std::size_t elements = 1;
  for (const XmlElement& child : element.children) elements += elements_of(child, depth + 1);
  return elements;
}

bool decode_xml(ByteSpan bytes) {
  const auto root = parse_xml(as_text(bytes));
  if (!root) return false;
  CIAOS_ASSERT(elements_of(*root, 1) <= kXmlElementsMax);
  const auto again = parse_xml(XmlWriter("R").add("T", root->text).finish());
  CIAOS_ASSERT(again && again->text_of("T") == root->text);
  return true;
}

// --- values of the native API ---

ByteVector example_file_data(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> elements(1 + random.below(5));
  std::vector<std::uint64_t> lengths;
  for (std::string& element : elements) {
    element = random.bytes(random.below(30));
    lengths.push_back(element.size());
  }
  ByteWriter out;
  out.bytes(as_bytes(lay_out_file_data(lengths)->head));
  for (const std::string& element : elements) {
    out.number(static_cast<std::uint32_t>(element.size()));
    out.bytes(as_bytes(element));
    out.bytes(ByteVector(file_data_padding(element.size())));
  }
  return out.take();
}

bool decode_file_data(ByteSpan bytes) {
  const FileData data = parse_file_data(bytes);
  for (const ByteSpan element : data.elements) {
    if (element.empty()) continue;
    CIAOS_ASSERT(element.data() >= bytes.data());
    CIAOS_ASSERT(element.data() + element.size() <= bytes.data() + bytes.size());
  }
  return data.fault.empty();
}

// --- bodies in signed chunks ---

class Bytes final : public ByteSource {
 public:
  explicit Bytes(ByteSpan bytes) : rest_(bytes) {}
  Result<std::size_t> read(MutableByteSpan into) override {
    const std::size_t count = std::min({into.size(), rest_.size(), std::size_t{100}});
    if (count > 0) std::memcpy(into.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  ByteSpan rest_;
};

ByteVector example_chunks(std::uint64_t seed) {
  Random random(seed);
  std::string body;
  for (std::uint64_t chunks = random.below(4); chunks > 0; --chunks) {
    const std::string chunk = random.bytes(1 + random.below(15));
    body += "0123456789abcdef"[chunk.size()];
    body += ";chunk-signature=" + hex(digest(DigestKind::sha256, chunk)) + "\r\n" + chunk + "\r\n";
  }
  return bytes_of(body + "0;chunk-signature=0\r\n" +
                  (random.chance(50) ? "x-amz-checksum-crc32c:AAAA\r\n" : "") + "\r\n");
}

bool decode_chunks(ByteSpan bytes) {
  Bytes source(bytes);
  AwsChunks chunks(source, {});
  std::array<std::byte, 64> piece{};
  for (std::size_t total = 0;;) {
    const auto count = chunks.read(piece);
    if (!count.ok()) return false;
    if (*count == 0) return true;
    total += *count;
    CIAOS_ASSERT(total <= bytes.size());
  }
}

// --- rights, and forms ---

ByteVector example_policy(std::uint64_t seed) {
  Random random(seed);
  const std::string effect = random.chance(50) ? "Allow" : "Deny";
  return bytes_of(R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect +
                  R"(","Principal":{"AWS":["*","bob"]},"Action":["s3:Get*"],"Resource":"arn:aws:s3:::b/*",)"
                  R"("Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/)" +
                  std::to_string(random.below(33)) + R"("},"StringLike":{"s3:prefix":"a*?b"}}}]})");
}

bool decode_policy(ByteSpan bytes) {
  const auto policy = Policy::parse(std::string(as_text(bytes)));
  if (!policy) return false;
  (void)policy->is_public();
  (void)policy->judge({"bob", "s3:GetObject", "b/key",
                       [](const std::string&) { return std::vector<std::string>{"10.1.2.3"}; }});
  return true;
}

ByteVector example_cors(std::uint64_t seed) {
  Random random(seed);
  return bytes_of(
      "<CORSConfiguration><CORSRule><AllowedOrigin>*.example</AllowedOrigin><AllowedMethod>GET</"
      "AllowedMethod>"
      "<MaxAgeSeconds>" +
      std::to_string(random.below(1000)) + "</MaxAgeSeconds></CORSRule></CORSConfiguration>");
}

bool decode_cors(ByteSpan bytes) {
  const auto rules = parse_cors(std::string(as_text(bytes)));
  if (!rules) return false;
  for (const CorsRule& rule : *rules) CIAOS_ASSERT(!rule.origins.empty() && !rule.methods.empty());
  return true;
}

ByteVector example_form(std::uint64_t seed) {
  Random random(seed);
  std::string text = "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n${filename}\r\n";
  text += R"(--B)"
          "\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\n"
          R"({"expiration":"2030-01-01T00:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key",""]]})"
          "\r\n";
  text += "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
  return bytes_of(text + std::to_string(random.next()) + "\r\n--B--\r\n");
}

bool decode_form(ByteSpan bytes) {
  Bytes source(bytes);
  Form form(source, "B");
  if (!form.read_fields().ok()) return false;
  CIAOS_ASSERT(form.fields().size() <= kFormFieldsMax);
  std::array<std::byte, 64> piece{};
  std::size_t total = 0;
  while (true) {
    const auto count = form.read(piece);
    if (!count.ok()) return false;
    if (*count == 0) break;
    total += *count;
    CIAOS_ASSERT(total <= bytes.size());
  }
  if (const std::string* policy = form.field("policy")) (void)judge_form(*policy, form, "b", 1'700'000'000);
  return true;
}

// --- the local protocol ---

ByteVector example_message(std::uint64_t seed) {
  Random random(seed);
  rpc::wire::RequestT request;
  request.id = random.next();
  request.verb = rpc::wire::Verb_publish;
  request.bucket = "bucket";
  request.key = random.bytes(random.below(30));
  request.notes = rpc::wire_of(engine::ObjectNotes{
      .etag = "e", .facts = {{"f", random.bytes(random.below(9))}}, .labels = {{"l", "m"}}});
  request.owner =
      rpc::wire_of(engine::ObjectOwner{.uid = 1, .gid = 2, .file_mode = 0600, .directory_mode = 0700});
  if (random.chance(50))
    request.condition =
        rpc::wire_of(engine::ObjectCondition{.absent = true, .if_match = {"x", "y"}, .if_none_match = {"*"}});
  return bytes_of(rpc::pack(request));
}

bool decode_message(ByteSpan bytes) {
  if (const auto reply = rpc::parse_reply(bytes)) {
    if (reply->info) (void)rpc::info_of(reply->info);
    CIAOS_ASSERT(rpc::parse_reply(as_bytes(rpc::pack(*reply))) != nullptr);
  }
  const auto request = rpc::parse_request(bytes);
  if (!request) return false;
  (void)rpc::notes_of(request->notes);
  (void)rpc::owner_of(request->owner);
  (void)rpc::condition_of(request->condition);
  const std::string packed = rpc::pack(*request);
  const auto again = rpc::parse_request(as_bytes(packed));
  CIAOS_ASSERT(again && rpc::pack(*again) == packed);
  return true;
}

ByteVector example_load(std::uint64_t seed) {
  Random random(seed);
  std::vector<engine::LoadEntry> entries(random.below(4));
  for (engine::LoadEntry& entry : entries) {
    entry.path = random.bytes(random.below(30));
    entry.begins = random.chance(50);
    entry.modified = {-1, 999'999'999};
    entry.xattrs = {{"user.a", random.bytes(random.below(9))}};
    entry.pieces = {{.offset = random.next(), .length = 1, .at = random.next()}};
  }
  return bytes_of(rpc::pack_load(entries));
}

bool decode_load(ByteSpan bytes) {
  const auto entries = rpc::parse_load(bytes);
  if (!entries.ok()) return false;
  const std::string packed = rpc::pack_load(*entries);
  // What is there twice comes out as two, which may be more than a batch holds.
  CIAOS_ASSERT(packed.size() > rpc::kLoadBatchBytesMax || *rpc::parse_load(as_bytes(packed)) == *entries);
  return true;
}

constexpr Decoder kDecoders[] = {
    {"HttpHead", example_head, decode_head},
    {"Signature", example_signature, decode_signature},
    {"Xml", example_xml, decode_xml},
    {"FileData", example_file_data, decode_file_data},
    {"AwsChunks", example_chunks, decode_chunks},
    {"Policy", example_policy, decode_policy},
    {"Cors", example_cors, decode_cors},
    {"Form", example_form, decode_form},
    {"RpcMessage", example_message, decode_message},
    {"LoadBatch", example_load, decode_load},
};

}  // namespace

std::span<const Decoder> network_decoders() { return kDecoders; }

}  // namespace ciaos::fuzz
