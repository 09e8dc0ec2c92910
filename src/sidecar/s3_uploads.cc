// Uploads in parts.
#include <algorithm>
#include <charconv>
#include <map>

#include "sidecar/s3_access.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/s3_operations.h"
#include "sidecar/upload.h"

namespace ciaos::sidecar {
namespace {

constexpr std::uint64_t kPartBytesMax = 5ull << 30;
constexpr std::uint64_t kPartBytesMin = 5ull << 20;
constexpr std::size_t kListMax = 1000;
constexpr const char* kUploadFact = "upload";  // which one the object was
constexpr std::size_t kPartSizesBytesMax = 8 * 1024;

// nullopt: not a number from 1 to 10,000.
std::optional<std::uint32_t> part_number(const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > engine::kPartsMax)
    return std::nullopt;
  return number;
}

// Up to `most`; nullopt: not a number.
std::optional<std::size_t> number_or(const std::string* text, std::size_t most) {
  if (text == nullptr || text->empty()) return most;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return std::min(number, most);
}

S3Answer refuse_upload(const S3Request& request, const Error& error) {
  if (error.code == ENOENT) return request.refuse(S3Error::no_such_upload);
  if (error.code == EBADMSG) return request.refuse(S3Error::invalid_part);
  return request.refuse(error);
}

// The upload that the request names, if it is one of this key.
Result<rpc::UploadInfo> named_upload(const S3Request& request) {
  auto upload = TRY(request.client.upload(request.bucket, request.parameter_or_empty("uploadId")));
  if (upload.key != request.key) return fail(ENOENT);
  return upload;
}

S3Answer completed(const S3Request& request, const std::string& etag, const std::string& cipher) {
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.add("Location", "/" + request.bucket + "/" + request.key)
      .add("Bucket", request.bucket)
      .add("Key", request.key)
      .add("ETag", in_quotes(etag));
  S3Answer answer = xml_answer(xml);
  std::ranges::move(cipher_headers(cipher), std::back_inserter(answer.headers));
  return answer;
}

void add_owners(XmlWriter& xml, const std::string& owner) {
  for (const char* role : {"Initiator", "Owner"})
    xml.open(role).add("ID", owner).add("DisplayName", owner).close();
}

// Of a part; `nonce` is that of its encryption.
engine::ObjectNotes notes_of_part(const Checksums& checksums, const ObjectCipher* cipher,
                                  const std::string& nonce) {
  engine::ObjectNotes notes;
  notes.etag = cipher != nullptr ? cipher->etag_of(checksums.md5()) : hex(checksums.md5());
  if (cipher != nullptr) notes.facts[kNoncesFact] = nonce;
  if (!checksums.name().empty()) notes.facts["x-amz-checksum-" + checksums.name()] = checksums.value();
  return notes;
}

struct PartInto {
  Upload& upload;
  engine::ObjectNotes& notes;
};
// A part that is a piece of another object. Its ETag is the MD5 of it, so it is read even when its bytes are shared.
Result<rpc::Source> bytes_of_part(S3Request& request, const CopySource& source, ByteRange range,
                                  const ObjectCipher* cipher, const PartInto& into) {
  Digester md5(DigestKind::md5);
  std::optional<Keystream> encrypt;
  if (cipher != nullptr) {
    into.notes.facts[kNoncesFact] = new_nonce();
    encrypt.emplace(cipher->key, into.notes.facts[kNoncesFact]);
  }
  if (cipher == nullptr && !source.keystream) {
    const rpc::Memory& memory = request.exchange.worker.memory;
    for (std::uint64_t at = range.begin; at < range.end;) {
      const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, range.end - at);
      const std::size_t count = TRY(request.client.read(source.opened.handle, at, wanted, memory));
      if (count == 0) return fail(EIO, "the source of a copy grew shorter");
      md5.update(memory.bytes().first(count));
      at += count;
    }
    into.notes.etag = hex(md5.finish());
    const InodeId staged =
        TRY(stage_copy(request, source.opened.handle, range.begin, range.end - range.begin));
    return rpc::Source{.staged = staged};
  }
  TRY_VOID(copy_through(request,
                        {.from = source.opened.handle,
                         .range = range,
                         .decrypt = source.keystream.get(),
                         .encrypt = encrypt ? &*encrypt : nullptr},
                        into.upload, md5));
  const std::string sum = md5.finish();
  into.notes.etag = cipher != nullptr ? cipher->etag_of(sum) : hex(sum);
  return into.upload.finish();
}

std::string unhexed(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    out += static_cast<char>(byte);
  }
  return out;
}

struct WantedParts {
  std::optional<S3Error> fault;
  std::vector<rpc::PartInfo> parts;
};
WantedParts parse_parts(const std::string& body) {
  WantedParts wanted;
  const auto document = parse_xml(body);
  if (!document || document->name != "CompleteMultipartUpload" || document->children.empty()) {
    wanted.fault = S3Error::malformed_xml;
    return wanted;
  }
  for (const XmlElement& element : document->children) {
    if (element.name != "Part") continue;
    const auto number = part_number(element.text_of("PartNumber"));
    const auto etags = etags_of(element.text_of("ETag"));
    if (!number || etags.size() != 1) {
      wanted.fault = number ? S3Error::malformed_xml : S3Error::invalid_part;
      return wanted;
    }
    if (!wanted.parts.empty() && wanted.parts.back().number > *number)
      wanted.fault = S3Error::invalid_part_order;
    // Sent twice and named twice: the later one counts.
    if (!wanted.parts.empty() && wanted.parts.back().number == *number) wanted.parts.pop_back();
    rpc::PartInfo part{.number = *number, .info = {}};
    part.info.notes.etag = etags.front();
    wanted.parts.push_back(std::move(part));
  }
  if (wanted.parts.empty()) wanted.fault = S3Error::malformed_xml;
  return wanted;
}

Result<std::map<std::uint32_t, engine::ObjectInfo>> all_parts(const S3Request& request,
                                                              const std::string& id) {
  std::map<std::uint32_t, engine::ObjectInfo> all;
  std::uint32_t after = 0;
  while (true) {
    const auto page = TRY(request.client.parts(request.bucket, id, after, kListMax));
    for (const rpc::PartInfo& part : page.parts) all[part.number] = part.info;
    if (!page.more || page.parts.empty()) return all;
    after = page.parts.back().number;
  }
}

}  // namespace

S3Answer create_upload(S3Request& request) {
  UploadLabels labels = labels_of_upload(request);
  if (labels.refused) return *labels.refused;
  const WantedCipher wanted = cipher_for_upload(request);
  if (wanted.refused) return *wanted.refused;
  if (wanted.cipher) labels.labels[kCipherFact] = wanted.cipher->fact;
  const auto id = request.client.create_upload(request.path(), labels.labels);
  if (!id.ok()) return request.refuse(id.error());
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.add("Bucket", request.bucket).add("Key", request.key).add("UploadId", *id);
  S3Answer answer = xml_answer(xml);
  if (wanted.cipher)
    std::ranges::move(cipher_headers(wanted.cipher->fact), std::back_inserter(answer.headers));
  return answer;
}

S3Answer upload_part(S3Request& request) {
  const auto number = part_number(request.parameter_or_empty("partNumber"));
  if (!number) return request.refuse(S3Error::invalid_argument);
  const HttpHead& head = request.head();
  if (!head.content_length && !head.chunked) return request.refuse(S3Error::missing_content_length);
  const auto named = named_upload(request);
  if (!named.ok()) return refuse_upload(request, named.error());
  const WantedCipher wanted = cipher_of(request, label_of(named->info, kCipherFact));
  if (wanted.refused) return *wanted.refused;
  const ObjectCipher* cipher = wanted.cipher ? &*wanted.cipher : nullptr;
  Payload payload(request);
  StoredSource body(payload, cipher);
  Upload upload(request.client, request.exchange.worker, request.owner);
  const Status taken = upload.take(body, [](ByteSpan) {});
  if (!taken.ok()) return request.refuse(taken.error());
  if (auto refused = payload.check()) return *refused;
  if (upload.bytes() > kPartBytesMax) return request.refuse(S3Error::entity_too_large);
  const auto source = upload.finish();
  if (!source.ok()) return request.refuse(source.error());
  const engine::ObjectNotes notes = notes_of_part(payload.checksums(), cipher, body.nonce());
  const auto put = request.client.put_part(request.bucket, named->id, *number, *source, notes);
  if (!put.ok()) return refuse_upload(request, put.error());
  S3Answer answer{.status = 200, .headers = {{"ETag", in_quotes(notes.etag)}}, .body = {}};
  for (const auto& [name, value] : notes.facts) {
    if (name.starts_with("x-amz-checksum-")) answer.headers.emplace_back(name, value);
  }
  if (cipher != nullptr) std::ranges::move(cipher_headers(cipher->fact), std::back_inserter(answer.headers));
  return answer;
}

S3Answer upload_part_copy(S3Request& request) {
  const auto number = part_number(request.parameter_or_empty("partNumber"));
  if (!number) return request.refuse(S3Error::invalid_argument);
  const auto named = named_upload(request);
  if (!named.ok()) return refuse_upload(request, named.error());
  const WantedCipher wanted = cipher_of(request, label_of(named->info, kCipherFact));
  if (wanted.refused) return *wanted.refused;
  const ObjectCipher* cipher = wanted.cipher ? &*wanted.cipher : nullptr;
  const CopySource source = open_copy_source(request);
  if (source.refused) return *source.refused;
  const auto copy = [&]() -> S3Answer {
    ByteRange range{0, source.opened.info.size};
    if (const std::string* wished = request.head().header("x-amz-copy-source-range")) {
      const ParsedRange parsed = parse_range(*wished, range.end);
      const std::size_t dash = wished->rfind('-');
      // Unlike that of a GET, this range may not reach beyond the end.
      if (parsed.fault == RangeFault::absent || dash + 1 == wished->size())
        return request.refuse(S3Error::invalid_argument);
      const bool clipped = parsed.fault == RangeFault::unsatisfiable ||
                           wished->substr(dash + 1) != std::to_string(parsed.range.end - 1);
      if (clipped) return request.refuse(S3Error::invalid_range);
      range = parsed.range;
    }
    engine::ObjectNotes notes;
    Upload upload(request.client, request.exchange.worker, request.owner);
    const auto bytes = bytes_of_part(request, source, range, cipher, {upload, notes});
    if (!bytes.ok()) return request.refuse(bytes.error());
    const auto put = request.client.put_part(request.bucket, named->id, *number, *bytes, notes);
    if (!put.ok()) return refuse_upload(request, put.error());
    XmlWriter xml("CopyPartResult");
    xml.add("LastModified", iso_time(put->modified)).add("ETag", in_quotes(notes.etag));
    S3Answer answer = xml_answer(xml);
    if (cipher != nullptr)
      std::ranges::move(cipher_headers(cipher->fact), std::back_inserter(answer.headers));
    return answer;
  };
  const S3Answer answer = copy();
  request.client.close(source.opened.handle);
  return answer;
}

S3Answer list_parts(S3Request& request) {
  const auto named = named_upload(request);
  if (!named.ok()) return refuse_upload(request, named.error());
  const auto limit = number_or(request.parameter("max-parts"), kListMax);
  const std::string* marker = request.parameter("part-number-marker");
  const auto after = marker == nullptr ? std::optional<std::size_t>(0) : number_or(marker, engine::kPartsMax);
  if (!limit || !after) return request.refuse(S3Error::invalid_argument);
  const auto page =
      request.client.parts(request.bucket, named->id, static_cast<std::uint32_t>(*after), *limit);
  if (!page.ok()) return refuse_upload(request, page.error());
  XmlWriter xml("ListPartsResult");
  xml.add("Bucket", request.bucket).add("Key", request.key).add("UploadId", named->id);
  add_owners(xml, object_owner(request, named->info));
  xml.add("StorageClass", "STANDARD").add("PartNumberMarker", std::to_string(*after));
  if (!page->parts.empty()) xml.add("NextPartNumberMarker", std::to_string(page->parts.back().number));
  xml.add("MaxParts", std::to_string(*limit)).add("IsTruncated", page->more ? "true" : "false");
  for (const rpc::PartInfo& part : page->parts) {
    xml.open("Part")
        .add("PartNumber", std::to_string(part.number))
        .add("LastModified", iso_time(part.info.modified))
        .add("ETag", in_quotes(part.info.notes.etag))
        .add("Size", std::to_string(part.info.size))
        .close();
  }
  return xml_answer(xml);
}

S3Answer list_uploads(S3Request& request) {
  const auto limit = number_or(request.parameter("max-uploads"), kListMax);
  if (!limit) return request.refuse(S3Error::invalid_argument);
  // A delimiter would group keys of uploads that nobody lists by folders; an error says so.
  if (!request.parameter_or_empty("delimiter").empty()) return request.refuse(S3Error::not_implemented);
  const std::string after_key = request.parameter_or_empty("key-marker");
  // Without an id, uploads of that very key are passed over as well.
  std::string after_id = request.parameter_or_empty("upload-id-marker");
  if (after_id.empty() && !after_key.empty()) after_id = "~";
  const auto page = request.client.uploads(request.bucket, request.parameter_or_empty("prefix"), after_key,
                                           after_id, *limit);
  if (!page.ok()) return request.refuse(page.error());
  XmlWriter xml("ListMultipartUploadsResult");
  xml.add("Bucket", request.bucket).add("KeyMarker", after_key);
  xml.add("UploadIdMarker", request.parameter_or_empty("upload-id-marker"));
  if (page->more && !page->uploads.empty()) {
    xml.add("NextKeyMarker", page->uploads.back().key).add("NextUploadIdMarker", page->uploads.back().id);
  }
  xml.add("MaxUploads", std::to_string(*limit)).add("IsTruncated", page->more ? "true" : "false");
  for (const rpc::UploadInfo& upload : page->uploads) {
    xml.open("Upload").add("Key", upload.key).add("UploadId", upload.id);
    add_owners(xml, object_owner(request, upload.info));
    xml.add("StorageClass", "STANDARD").add("Initiated", iso_time(upload.info.modified)).close();
  }
  return xml_answer(xml);
}

S3Answer complete_upload(S3Request& request) {
  Payload payload(request);
  const auto body = payload.text(kXmlBytesMax);
  if (!body.ok()) return request.refuse(body.error());
  if (auto refused = payload.check()) return *refused;
  const WantedParts wanted = parse_parts(*body);
  if (wanted.fault) return request.refuse(*wanted.fault);
  const auto named = named_upload(request);
  if (named.code() == ENOENT) {
    // Who heard nothing of the first answer asks again.
    const auto info = request.client.lookup(request.path());
    if (info.ok() && fact_of(*info, kUploadFact) == request.parameter_or_empty("uploadId"))
      return completed(request, info->notes.etag, fact_of(*info, kCipherFact));
  }
  if (!named.ok()) return refuse_upload(request, named.error());
  const auto there = all_parts(request, named->id);
  if (!there.ok()) return refuse_upload(request, there.error());
  std::string md5s;
  std::string nonces;
  std::vector<std::uint64_t> sizes;
  bool too_small = false;
  for (const rpc::PartInfo& part : wanted.parts) {
    const auto found = there->find(part.number);
    if (found == there->end() || found->second.notes.etag != part.info.notes.etag)
      return request.refuse(S3Error::invalid_part);
    too_small =
        too_small || (found->second.size < kPartBytesMin && part.number != wanted.parts.back().number);
    md5s += unhexed(part.info.notes.etag);
    nonces += fact_of(found->second, kNoncesFact);
    sizes.push_back(found->second.size);
  }
  if (too_small) return request.refuse(S3Error::entity_too_small);
  const std::string cipher = label_of(named->info, kCipherFact);
  if (const WantedCipher key = cipher_of(request, cipher); key.refused) return *key.refused;
  if (!cipher.empty() && wanted.parts.size() > kEncryptedPartsMax)
    return request.refuse(S3Error::invalid_request, "An encrypted object has 1,000 parts at most.");
  rpc::Client::Publish publish;
  publish.path = request.path();
  publish.owner = request.owner;
  publish.notes.etag = hex(digest(DigestKind::md5, md5s)) + "-" + std::to_string(wanted.parts.size());
  publish.notes.labels = named->info.notes.labels;
  publish.notes.labels.erase(kCipherFact);
  publish.notes.facts[kUploadFact] = named->id;
  const std::string part_sizes = part_sizes_text(sizes);
  // As many as there is room for; without an encryption nothing needs them.
  if (!cipher.empty() || part_sizes.size() <= kPartSizesBytesMax)
    publish.notes.facts[kPartSizesFact] = part_sizes;
  if (!cipher.empty()) {
    publish.notes.facts[kCipherFact] = cipher;
    publish.notes.facts[kNoncesFact] = nonces;
  }
  publish.condition = {.absent = false,
                       .if_match = etags_of(request.head().header_or_empty("if-match")),
                       .if_none_match = etags_of(request.head().header_or_empty("if-none-match"))};
  const auto put = request.client.complete_upload(named->id, wanted.parts, publish);
  if (!put.ok()) return refuse_upload(request, put.error());
  return completed(request, publish.notes.etag, cipher);
}

S3Answer abort_upload(S3Request& request) {
  const auto named = named_upload(request);
  if (!named.ok()) return refuse_upload(request, named.error());
  const Status aborted = request.client.abort_upload(request.bucket, named->id);
  if (!aborted.ok()) return refuse_upload(request, aborted.error());
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace ciaos::sidecar
