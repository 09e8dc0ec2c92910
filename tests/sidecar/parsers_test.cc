// What the network hands to the sidecar, parsed: heads, FlatBuffers, XML, ranges, signatures; and garbage of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "sidecar/checksums.h"
#include "sidecar/file_data.h"
#include "sidecar/http_head.h"
#include "sidecar/options.h"
#include "sidecar/s3_operations.h"
#include "sidecar/server.h"
#include "sidecar/sigv4.h"
#include "sidecar/xml.h"
#include "support/random.h"

namespace ciaos::sidecar {
namespace {

using test::Random;
using testing::ElementsAre;
using testing::IsEmpty;

int status_of(const std::string& head) { return parse_head(head).status; }

TEST(HttpHeads, WhatARequestSays) {
  const auto parsed = parse_head(
      "PUT /a%20b/c?x=1&y HTTP/1.1\r\nHost: h:1\r\nContent-Length:  12 \r\nX-Two: a\r\nx-two: b\r\n\r\n");
  ASSERT_EQ(parsed.status, 0);
  EXPECT_EQ(parsed.head.method, "PUT");
  EXPECT_EQ(parsed.head.path, "/a%20b/c");
  EXPECT_EQ(parsed.head.query, "x=1&y");
  EXPECT_EQ(parsed.head.content_length, 12u);
  EXPECT_TRUE(parsed.head.keep_alive);
  EXPECT_EQ(*parsed.head.header("x-two"), "a");
  EXPECT_EQ(end_of_head("GET / HTTP/1.1\r\n\r\nrest"), 18u);
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").head.keep_alive);
  EXPECT_EQ(parse_head("GET http://host/p HTTP/1.1\r\n\r\n").head.path, "/p");
}

TEST(HttpHeads, WhatTwoServersCouldReadInTwoWaysIsRefused) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\ny\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET relative HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /\r\n\r\n"), 400);
  EXPECT_EQ(status_of("G(T / HTTP/1.1\r\n\r\n"), 400);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 3000; ++i) many += "a: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
}

TEST(Escapes, ArePercentSignsWithTwoDigits) {
  EXPECT_EQ(percent_decoded("a%2Fb+%c3%bc"), "a/b+\xC3\xBC");
  EXPECT_EQ(percent_decoded("%2"), std::nullopt);
  EXPECT_EQ(percent_decoded("%zz"), std::nullopt);
  EXPECT_EQ(percent_encoded("a/b c~\xC3", true), "a/b%20c~%C3");
  EXPECT_EQ(percent_encoded("/", false), "%2F");
  EXPECT_THAT(*parse_query("b=2&a&&c=%26"),
              ElementsAre(std::pair("b", "2"), std::pair("a", ""), std::pair("c", "&")));
}

std::string unhex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return out;
}

struct List {
  std::string fault;
  std::vector<std::string> elements;
};
List parsed_list(const std::string& bytes) {
  const FileData data = parse_file_data(as_bytes(bytes));
  List list{data.fault, {}};
  for (const ByteSpan element : data.elements) list.elements.emplace_back(as_text(element));
  return list;
}

TEST(FileDataLists, TheVectorsOfTheClients) {
  EXPECT_THAT(
      parsed_list(unhex("04000000eeffffff04000000010000000c0000000000060008000400060000000400000003000000"
                        "61626300"))
          .elements,
      ElementsAre("abc"));
  EXPECT_THAT(parsed_list(unhex("04000000eeffffff04000000010000000c000000000006000800040006000000040000000000"
                                "0000"))
                  .elements,
              ElementsAre(""));
  EXPECT_EQ(parsed_list(unhex("0c0000000000060008000400060000000400000000000000")).fault,
            "No data in data list");
  EXPECT_THAT(
      parsed_list(
          unhex("04000000ceffffff04000000020000002c00000004000000e2ffffff040000001100000066696c65325f"
                "62696e6172795f646174610006000800040006000000040000000c00000066696c65315f62696e617279"))
          .elements,
      ElementsAre("file1_binary", "file2_binary_data"));
  EXPECT_EQ(parsed_list(unhex("080000000400040004000000")).fault, "No files found in FlatBuffers data");
  EXPECT_EQ(
      parsed_list(unhex("0c0000000000060008000400060000000400000001000000080000000400040004000000")).fault,
      "No data in data list");
  EXPECT_EQ(parsed_list("no flatbuffer at all").fault.substr(0, 34), "Failed to parse FlatBuffers data: ");
}

std::string written(const std::vector<std::string>& elements) {
  std::vector<std::uint64_t> lengths;
  for (const std::string& element : elements) lengths.push_back(element.size());
  const auto layout = lay_out_file_data(lengths);
  std::string bytes = layout->head;
  for (const std::string& element : elements) {
    ByteWriter prefix;
    prefix.number(static_cast<std::uint32_t>(element.size()));
    bytes += std::string(as_text(prefix.buffer())) + element;
    bytes.append(file_data_padding(element.size()), '\0');
  }
  EXPECT_EQ(bytes.size(), layout->bytes);
  return bytes;
}

TEST(FileDataLists, WhatIsWrittenIsReadAgain) {
  Random random(7);
  for (std::size_t count = 1; count < 40; ++count) {
    std::vector<std::string> elements;
    for (std::size_t i = 0; i < count; ++i) elements.push_back(random.bytes(random.below(50)));
    EXPECT_EQ(parsed_list(written(elements)).elements, elements);
  }
  EXPECT_EQ(lay_out_file_data({1ull << 31}), std::nullopt);
  EXPECT_EQ(lay_out_file_data({1ull << 30, 1ull << 30}), std::nullopt);
  EXPECT_TRUE(lay_out_file_data({1ull << 30, (1ull << 30) - 1000}).has_value());
}

TEST(Xml, ElementsAndTextWithoutWhatExpands) {
  const auto root = parse_xml(
      "<?xml version='1.0'?><!-- c --><s3:Delete "
      "xmlns:s3=\"x\"><Object><Key>a&amp;b&#x41;<![CDATA[<]]></Key></Object>"
      "<Quiet/></s3:Delete>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "Delete");
  EXPECT_EQ(root->child("Object")->text_of("Key"), "a&bA<");
  for (const char* bad : {"", "<a>", "<a></b>", "<a/><b/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                          "<a>&b;</a>", "<a b></a>", "<a b=c/>", "text", "<a>&#0;</a>", "<a><![CDATA[</a>"})
    EXPECT_FALSE(parse_xml(bad)) << bad;
  EXPECT_FALSE(parse_xml(std::string_view("<a>\0</a>", 8))) << "no document holds a NUL, escaped or not";
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  EXPECT_FALSE(parse_xml(deep));
  XmlWriter writer("R");
  writer.open("A").add("K", "<&\x01>");
  EXPECT_EQ(parse_xml(writer.finish())->child("A")->text_of("K"), "<&\x01>");
}

TEST(Ranges, OneOfEachKind) {
  const auto range = [](const char* text, std::uint64_t size) {
    const ParsedRange parsed = parse_range(text, size);
    return std::tuple(parsed.fault, parsed.range.begin, parsed.range.end);
  };
  EXPECT_EQ(range("bytes=0-9", 100), std::tuple(RangeFault::none, 0, 10));
  EXPECT_EQ(range("bytes=90-200", 100), std::tuple(RangeFault::none, 90, 100));
  EXPECT_EQ(range("bytes=5-", 100), std::tuple(RangeFault::none, 5, 100));
  EXPECT_EQ(range("bytes=-5", 100), std::tuple(RangeFault::none, 95, 100));
  EXPECT_EQ(range("bytes=-500", 100), std::tuple(RangeFault::none, 0, 100));
  EXPECT_EQ(range("bytes=0-18446744073709551615", 100), std::tuple(RangeFault::none, 0, 100));
  for (const char* none : {"bytes=100-", "bytes=-0"})
    EXPECT_EQ(parse_range(none, 100).fault, RangeFault::unsatisfiable);
  for (const char* bad : {"bytes=5-4", "bytes=a-", "bytes=-", "lines=1-2", "bytes=1-2,5-6"})
    EXPECT_EQ(parse_range(bad, 100).fault, RangeFault::absent) << bad;
}

// The examples of "Authenticating Requests (AWS Signature Version 4)" in the API reference of S3.
const std::string kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

TEST(SigV4, AHeaderIsSignedAsInTheReference) {
  const auto parsed = parse_head(
      "GET /test.txt HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\nRange: bytes=0-9\r\n"
      "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n\r\n");
  const auto signature = parse_signature(parsed.head, {});
  ASSERT_EQ(signature.fault, SignatureFault::none);
  EXPECT_EQ(signature.signature.access_key, "AKIAIOSFODNN7EXAMPLE");
  EXPECT_EQ(expected_signature(parsed.head, {}, signature.signature, kSecret), signature.signature.signature);
  EXPECT_NE(expected_signature(parsed.head, {}, signature.signature, "other"), signature.signature.signature);
}

TEST(SigV4, AUrlIsSignedAsInTheReference) {
  const auto parsed = parse_head(
      "GET "
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-"
      "1%2Fs3"
      "%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-"
      "Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\r\n"
      "Host: examplebucket.s3.amazonaws.com\r\n\r\n");
  const Query query = *parse_query(parsed.head.query);
  const auto signature = parse_signature(parsed.head, query);
  ASSERT_EQ(signature.fault, SignatureFault::none);
  EXPECT_EQ(signature.signature.expires_seconds, 86400u);
  EXPECT_EQ(expected_signature(parsed.head, query, signature.signature, kSecret),
            signature.signature.signature);
}

TEST(SigV4, ChunksAreSignedAsInTheReference) {
  Signature signature;
  signature.day = "20130524";
  signature.region = "us-east-1";
  signature.service = "s3";
  signature.time = "20130524T000000Z";
  const std::string key = signing_key(kSecret, signature);
  std::string previous = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  const auto next = [&](std::size_t bytes) {
    return previous = chunk_signature(key, signature, previous,
                                      hex(digest(DigestKind::sha256, std::string(bytes, 'a'))));
  };
  EXPECT_EQ(next(65536), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  EXPECT_EQ(next(1024), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  EXPECT_EQ(next(0), "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

// Bytes as an AwsChunks reads them, a few at a time.
class Text final : public ByteSource {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(MutableByteSpan into) override {
    const std::size_t count = std::min({into.size(), text_.size() - at_, std::size_t{1000}});
    if (count > 0) std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

class SignedChunks : public testing::Test {
 protected:
  SignedChunks() {
    signature.day = "20130524";
    signature.region = "us-east-1";
    signature.service = "s3";
    signature.time = "20130524T000000Z";
    signature.signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  }
  // The bytes, or minus the errno.
  int read(const std::string& body) {
    Text text(body);
    AwsChunks chunks(text, {&signature, signing_key(kSecret, signature), false});
    ByteVector bytes(100'000);
    const auto count = read_full(chunks, bytes);
    return count.ok() ? static_cast<int>(*count) : -count.code();
  }
  Signature signature;
  const std::string first =
      "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
      std::string(65536, 'a') + "\r\n";
  const std::string second =
      "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
      std::string(1024, 'a') + "\r\n";
  const std::string last =
      "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
};

TEST_F(SignedChunks, EverySignatureIsVerified) {
  EXPECT_EQ(read(first + second + last), 66560);
  EXPECT_EQ(read(first + last), -EBADMSG) << "one is missing";
  EXPECT_EQ(read(second + first + last), -EBADMSG) << "another order";
  std::string changed = first + second + last;
  changed[1000] = 'b';
  EXPECT_EQ(read(changed), -EBADMSG);
  EXPECT_EQ(read(first + second), -EPROTO) << "the end is missing";
  EXPECT_EQ(read(first + second + last + "more"), -EPROTO);
  EXPECT_EQ(read("zz;chunk-signature=\r\n"), -EPROTO);
  EXPECT_EQ(read("fffffffff;chunk-signature=\r\n"), -EPROTO);
}

TEST(Checksums, AreThoseOfTheirStandards) {
  for (const auto& [name, expected] : {std::pair{"crc32", "y/Q5Jg=="}, std::pair{"crc32c", "4waSgw=="},
                                       std::pair{"sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="}}) {
    HttpHead head;
    head.headers.emplace_back(std::string("x-amz-checksum-") + name, "?");
    Checksums sums(head, false);
    sums.update(as_bytes("1234"));
    sums.update(as_bytes("56789"));
    sums.finish();
    EXPECT_EQ(sums.value(), expected) << name;
    EXPECT_EQ(hex(sums.md5()), "25f9e794323b453885f5181f1b624d0b");
  }
  EXPECT_EQ(from_base64(base64("any bytes")), "any bytes");
  EXPECT_EQ(from_base64("a==="), std::nullopt);
  EXPECT_EQ(from_base64("!!!!"), std::nullopt);
}

TEST(Options, WhatMayBeSaid) {
  const auto parse = [](std::vector<std::string_view> arguments) { return parse_options(arguments, ""); };
  const auto options = parse({"/store", "--listen", ":80", "--owner=1:2", "--file-mode", "600", "--no-auth"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->place, "/store");
  EXPECT_EQ(options->listen, ":80");
  EXPECT_EQ(options->owner.gid, 2u);
  EXPECT_EQ(options->owner.file_mode, 0600u);
  EXPECT_FALSE(parse({"/store", "--listen"}).ok());
  EXPECT_FALSE(parse({"/store", "/other"}).ok());
  EXPECT_FALSE(parse({"/store", "--what=1"}).ok());
  EXPECT_FALSE(parse({"/store", "--tls-cert", "certificate"}).ok());
  EXPECT_TRUE(parse({"/store", "--tls-cert", "certificate", "--tls-key", "key"}).ok());
  EXPECT_FALSE(parse({}).ok());
  EXPECT_EQ(parse_options({}, "/from/the/environment")->place, "/from/the/environment");
  EXPECT_EQ(parse_keys("# all\nKEY secret user # one\n\n")->at("KEY").user, "user");
  EXPECT_FALSE(parse_keys("KEY secret\n").ok());
  EXPECT_FALSE(parse_keys("K a b\nK c d\n").ok());
  EXPECT_TRUE(is_loopback("127.0.0.1:1") && is_loopback("[::1]:1"));
  EXPECT_FALSE(is_loopback(":1") || is_loopback("0.0.0.0:1") || is_loopback("127.evil.org:1"));
}

TEST(Parsers, GarbageIsRefusedOrHarmless) {
  const auto seeds = test::seeds_to_run(3000);
  const std::vector<std::string> wholes{
      "PUT /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nAuthorization: AWS4-HMAC-SHA256 "
      "Credential=a/20130524/r/s3/"
      "aws4_request, SignedHeaders=host;x, Signature=0\r\n\r\n",
      "<Delete><Object><Key>a&lt;</Key></Object><Quiet>true</Quiet></Delete>",
      written({"abc", "", "defgh"}),
      "bytes=1-2",
  };
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    Random random(seed);
    std::string text = wholes[random.below(wholes.size())];
    for (std::uint64_t i = 1 + random.below(6); i > 0 && !text.empty(); --i) {
      const std::size_t at = random.below(text.size());
      if (random.chance(20)) {
        text.resize(at);
      } else {
        text[at] = static_cast<char>(random.below(256));
      }
    }
    // In memory of its own, so that the sanitizer sees a read beyond it.
    const std::vector<char> exact(text.begin(), text.end());
    const std::string_view view(exact.data(), exact.size());
    const ParsedHead head = parse_head(view);
    if (head.status == 0) {
      const Query query = parse_query(head.head.query).value_or(Query());
      const auto signature = parse_signature(head.head, query);
      if (signature.fault == SignatureFault::none)
        EXPECT_EQ(expected_signature(head.head, query, signature.signature, "s").size(), 64u);
    }
    (void)parse_xml(view);
    for (const ByteSpan element : parse_file_data(as_bytes(view)).elements)
      EXPECT_TRUE(element.empty() || element.data() + element.size() <= as_bytes(view).data() + view.size());
    (void)parse_range(text, 100);
    (void)parse_keys(view);
    (void)etags_of(text);
  }
}

}  // namespace
}  // namespace ciaos::sidecar
