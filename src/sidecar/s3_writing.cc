// Objects come and go: PUT, copies, deletions.
#include <algorithm>
#include <functional>

#include "sidecar/s3_access.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/s3_operations.h"
#include "sidecar/upload.h"

namespace ciaos::sidecar {
namespace {

constexpr std::uint64_t kPutBytesMax = 5ull << 30;
constexpr std::size_t kMetadataBytesMax = 2048;
constexpr std::size_t kDeletesMax = 1000;
constexpr std::string_view kKeptHeaders[] = {"cache-control",    "content-disposition", "content-encoding",
                                             "content-language", "content-type",        "expires"};

engine::ObjectCondition condition_of(const HttpHead& head) {
  return {.absent = false,
          .if_match = etags_of(head.header_or_empty("if-match")),
          .if_none_match = etags_of(head.header_or_empty("if-none-match"))};
}

// aws-chunked is how the body travelled, not what it is.
std::string without_aws_chunked(const std::string& encodings) {
  if (encodings.find("aws-chunked") == std::string::npos) return encodings;
  std::string kept;
  std::string_view rest = encodings;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one != "aws-chunked" && !one.empty()) kept += (kept.empty() ? "" : ", ") + std::string(one);
  }
  return kept;
}

// The length that a request announces for what it carries, decoded.
std::optional<S3Error> judge_length(const HttpHead& head, std::uint64_t bytes_max) {
  if (!head.content_length && !head.chunked) return S3Error::missing_content_length;
  if (head.content_length.value_or(0) > bytes_max + (bytes_max >> 4)) return S3Error::entity_too_large;
  return std::nullopt;
}

}  // namespace

UploadLabels labels_of_upload(S3Request& request) {
  UploadLabels out;
  std::size_t metadata_bytes = 0;
  for (const auto& [name, value] : request.head().headers) {
    if (std::ranges::find(kKeptHeaders, name) != std::end(kKeptHeaders)) {
      const std::string kept = name == "content-encoding" ? without_aws_chunked(value) : value;
      if (!kept.empty()) out.labels[name] = kept;
    } else if (name.starts_with("x-amz-meta-")) {
      metadata_bytes += name.size() - 11 + value.size();
      auto& kept = out.labels[name];
      kept += (kept.empty() ? "" : ",") + value;
    } else if (name == "x-amz-tagging" && !value.empty()) {
      if (!parse_tags(value)) out.refused = request.refuse(S3Error::invalid_tag);
      out.labels[kTagsLabel] = value;
    }
  }
  if (metadata_bytes > kMetadataBytesMax) out.refused = request.refuse(S3Error::metadata_too_large);
  if (!out.refused) out.refused = take_acl_headers(request, out.labels);
  return out;
}

StoredObject store_object(S3Request& request, Payload& payload, const SizeBounds& bounds) {
  UploadLabels labels = labels_of_upload(request);
  if (labels.refused) return {labels.refused, {}};
  const WantedCipher wanted = cipher_for_upload(request);
  if (wanted.refused) return {wanted.refused, {}};
  StoredSource body(payload, wanted.cipher ? &*wanted.cipher : nullptr);
  Upload upload(request.client, request.exchange.worker, request.owner);
  const Status taken = upload.take(body, [](ByteSpan) {});
  if (!taken.ok()) return {request.refuse(taken.error()), {}};
  if (auto refused = payload.check()) return {refused, {}};
  if (upload.bytes() > std::min(bounds.most, kPutBytesMax))
    return {request.refuse(S3Error::entity_too_large), {}};
  if (upload.bytes() < bounds.least) return {request.refuse(S3Error::entity_too_small), {}};
  StoredObject stored;
  engine::ObjectNotes& notes = stored.notes;
  const std::string& md5 = payload.checksums().md5();
  notes.etag = wanted.cipher ? wanted.cipher->etag_of(md5) : hex(md5);
  notes.labels = std::move(labels.labels);
  if (wanted.cipher) {
    notes.facts[kCipherFact] = wanted.cipher->fact;
    notes.facts[kNoncesFact] = body.nonce();
  }
  const std::string checksum = "x-amz-checksum-" + payload.checksums().name();
  if (!payload.checksums().name().empty()) notes.facts[checksum] = payload.checksums().value();
  Result<engine::ObjectInfo> put = fail(EINVAL);
  if (request.key.ends_with('/')) {
    // A directory has no bytes; a body would be stored under another name than its own, or nowhere.
    if (upload.bytes() > 0) return {request.refuse(S3Error::invalid_object_name), {}};
    put = request.client.put_directory(request.path(), request.owner, notes);
  } else {
    auto source = upload.finish();
    if (!source.ok()) return {request.refuse(source.error()), {}};
    put = request.client.publish({.path = request.path(),
                                  .source = *source,
                                  .owner = request.owner,
                                  .notes = notes,
                                  .condition = condition_of(request.head())});
  }
  if (!put.ok()) stored.refused = request.refuse(put.error());
  return stored;
}

S3Answer put_object(S3Request& request) {
  if (const auto fault = judge_length(request.head(), kPutBytesMax)) return request.refuse(*fault);
  Payload payload(request);
  const StoredObject stored = store_object(request, payload, {});
  if (stored.refused) return *stored.refused;
  S3Answer answer{.status = 200, .headers = {{"ETag", in_quotes(stored.notes.etag)}}, .body = {}};
  for (const auto& [name, value] : stored.notes.facts) {
    if (name.starts_with("x-amz-checksum-")) answer.headers.emplace_back(name, value);
  }
  if (const auto cipher = stored.notes.facts.find(kCipherFact); cipher != stored.notes.facts.end())
    std::ranges::move(cipher_headers(cipher->second), std::back_inserter(answer.headers));
  return answer;
}

CopySource open_copy_source(S3Request& request) {
  CopySource source;
  std::string text = request.head().header_or_empty("x-amz-copy-source");
  if (text.find("?versionId=") != std::string::npos) {
    source.refused = request.refuse(S3Error::not_implemented);
    return source;
  }
  const auto decoded = percent_decoded(text);
  std::string_view rest = decoded ? std::string_view(*decoded) : std::string_view();
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash + 1 == rest.size()) {
    source.refused = request.refuse(S3Error::invalid_argument);
    return source;
  }
  source.path = {std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
  S3Request reading = request.about(source.path.bucket, source.path.key);
  reading.is_source = true;
  if (auto refused = refuse_access(reading, {Access::read, "s3:GetObject"})) {
    source.refused = std::move(refused);
    return source;
  }
  const auto opened = request.client.open(source.path, nullptr, 0, 0);
  if (!opened.ok()) {
    source.refused = request.refuse(opened.error());
    return source;
  }
  source.opened = *opened;
  WantedCipher wanted = cipher_of(request, fact_of(opened->info, kCipherFact), kCopySourceHeaders);
  source.refused = std::move(wanted.refused);
  if (judge_conditions(request.head(), "x-amz-copy-source-", opened->info) != 0)
    source.refused = request.refuse(S3Error::precondition_failed);
  if (wanted.cipher && !source.refused) {
    auto keystream = keystream_of(*wanted.cipher, opened->info);
    if (keystream) {
      source.keystream = std::make_shared<ObjectKeystream>(*std::move(keystream));
    } else {
      source.refused = request.refuse(S3Error::internal);
    }
  }
  if (source.refused) request.client.close(opened->handle);
  return source;
}

Result<InodeId> stage_copy(S3Request& request, InodeId from, std::uint64_t offset, std::uint64_t length) {
  const InodeId staged = TRY(request.client.stage(request.owner));
  for (std::uint64_t done = 0; done < length;) {
    const auto bytes = request.client.clone(from, offset + done, length - done, staged);
    if (!bytes.ok() || *bytes == 0) {
      request.client.discard(staged);
      return bytes.ok() ? fail(EIO, "the source of a copy grew shorter") : bytes.error();
    }
    done += *bytes;
  }
  return staged;
}

Status copy_through(S3Request& request, const CopyThrough& copy, Upload& upload, Digester& md5) {
  // The worker's memory holds what goes out.
  const rpc::Memory memory = TRY(rpc::Memory::make(kPieceBytes));
  for (std::uint64_t at = copy.range.begin; at < copy.range.end;) {
    const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, copy.range.end - at);
    const std::size_t count = TRY(request.client.read(copy.from, at, wanted, memory));
    if (count == 0) return fail(EIO, "the source of a copy grew shorter");
    const MutableByteSpan piece = memory.bytes().first(count);
    if (copy.decrypt != nullptr) copy.decrypt->apply(at, piece);
    md5.update(piece);
    if (copy.encrypt != nullptr) copy.encrypt->apply(at - copy.range.begin, piece);
    TRY_VOID(upload.add(piece));
    at += count;
  }
  return {};
}

namespace {

// What a copy gets besides its bytes, before it is encrypted or not.
engine::ObjectNotes notes_of_copy(const S3Request& request, const engine::ObjectInfo& info,
                                  const engine::Labels& asked_for) {
  const bool replace = request.head().header_or_empty("x-amz-metadata-directive") == "REPLACE";
  engine::ObjectNotes notes;
  // An ETag made of inode and change is that file's alone.
  if (!info.notes.etag.starts_with("i-")) notes.etag = info.notes.etag;
  notes.facts = info.notes.facts;
  notes.labels = replace ? asked_for : info.notes.labels;
  const auto take_asked = [&](const char* label) {
    notes.labels.erase(label);
    if (const auto own = asked_for.find(label); own != asked_for.end()) notes.labels.insert(*own);
  };
  // Whose it is and who may use it is never copied.
  take_asked(kAclLabel);
  take_asked(kOwnerLabel);
  if (request.head().header_or_empty("x-amz-tagging-directive") == "REPLACE") take_asked(kTagsLabel);
  return notes;
}

// The bytes as they are to be stored, and what becomes true of them.
Result<rpc::Source> bytes_of_copy(S3Request& request, const CopySource& source, const ObjectCipher* cipher,
                                  Upload& upload, engine::ObjectNotes& notes) {
  const std::uint64_t size = source.opened.info.size;
  if (cipher == nullptr && !source.keystream) {
    const InodeId staged = TRY(stage_copy(request, source.opened.handle, 0, size));
    return rpc::Source{.staged = staged};
  }
  std::optional<Keystream> encrypt;
  for (const char* fact : {kCipherFact, kNoncesFact, kPartSizesFact}) notes.facts.erase(fact);
  if (cipher != nullptr) {
    notes.facts[kCipherFact] = cipher->fact;
    notes.facts[kNoncesFact] = new_nonce();
    encrypt.emplace(cipher->key, notes.facts[kNoncesFact]);
  }
  auto decrypt = source.keystream;
  Digester md5(DigestKind::md5);
  TRY_VOID(copy_through(request,
                        {.from = source.opened.handle,
                         .range = {0, size},
                         .decrypt = decrypt ? decrypt.get() : nullptr,
                         .encrypt = encrypt ? &*encrypt : nullptr},
                        upload, md5));
  const std::string sum = md5.finish();
  notes.etag = cipher != nullptr ? cipher->etag_of(sum) : hex(sum);
  return upload.finish();
}

}  // namespace

S3Answer copy_object(S3Request& request) {
  const std::string directive = request.head().header_or_empty("x-amz-metadata-directive");
  const bool replace = directive == "REPLACE";
  if (!replace && !directive.empty() && directive != "COPY") return request.refuse(S3Error::invalid_argument);
  UploadLabels labels = labels_of_upload(request);
  if (labels.refused) return *labels.refused;
  const WantedCipher wanted = cipher_for_upload(request);
  if (wanted.refused) return *wanted.refused;
  const CopySource source = open_copy_source(request);
  if (source.refused) return *source.refused;
  const auto copy = [&]() -> S3Answer {
    const engine::ObjectInfo& info = source.opened.info;
    if (source.path == request.path() && !replace && !wanted.cipher)
      return request.refuse(S3Error::invalid_request, "A copy onto itself changes nothing.");
    if (info.size > kPutBytesMax) return request.refuse(S3Error::invalid_request, "Larger than 5 GiB.");
    engine::ObjectNotes notes = notes_of_copy(request, info, labels.labels);
    Result<engine::ObjectInfo> put = fail(EINVAL);
    if (request.key.ends_with('/')) {
      if (info.size > 0) return request.refuse(S3Error::invalid_object_name);
      put = request.client.put_directory(request.path(), request.owner, notes);
    } else {
      Upload upload(request.client, request.exchange.worker, request.owner);
      const auto bytes =
          bytes_of_copy(request, source, wanted.cipher ? &*wanted.cipher : nullptr, upload, notes);
      if (!bytes.ok()) return request.refuse(bytes.error());
      put = request.client.publish({.path = request.path(),
                                    .source = *bytes,
                                    .owner = request.owner,
                                    .notes = notes,
                                    .condition = condition_of(request.head())});
    }
    if (!put.ok()) return request.refuse(put.error());
    XmlWriter xml("CopyObjectResult");
    xml.add("LastModified", iso_time(put->modified)).add("ETag", in_quotes(put->notes.etag));
    S3Answer answer = xml_answer(xml);
    std::ranges::move(cipher_headers(fact_of(*put, kCipherFact)), std::back_inserter(answer.headers));
    return answer;
  };
  const S3Answer answer = copy();
  request.client.close(source.opened.handle);
  return answer;
}

S3Answer delete_object(S3Request& request) {
  const Status removed =
      request.client.remove(request.path(), {.absent = false,
                                             .if_match = etags_of(request.head().header_or_empty("if-match")),
                                             .if_none_match = {}});
  // What is not there, or could not be, is deleted as well as it gets.
  const bool gone = removed.code() == ENOENT || removed.code() == EINVAL || removed.code() == ENAMETOOLONG;
  if (!removed.ok() && !gone) return request.refuse(removed.error());
  return {.status = 204, .headers = {}, .body = {}};
}

S3Answer delete_objects(S3Request& request) {
  Payload payload(request);
  const auto body = payload.text(kXmlBytesMax);
  if (!body.ok()) return request.refuse(body.error());
  if (auto refused = payload.check()) return *refused;
  const auto document = parse_xml(*body);
  if (!document || document->name != "Delete") return request.refuse(S3Error::malformed_xml);
  std::vector<std::string> keys;
  for (const XmlElement& object : document->children) {
    if (object.name != "Object") continue;
    if (object.child("Key") == nullptr || object.text_of("Key").empty())
      return request.refuse(S3Error::malformed_xml);
    keys.push_back(object.text_of("Key"));
  }
  if (keys.empty() || keys.size() > kDeletesMax) return request.refuse(S3Error::malformed_xml);
  const bool quiet = document->text_of("Quiet") == "true";
  XmlWriter xml("DeleteResult");
  for (const std::string& key : keys) {
    S3Request one = request.about(request.bucket, key);
    std::optional<S3Error> fault;
    if (refuse_access(one, {Access::write, "s3:DeleteObject"})) {
      fault = S3Error::access_denied;
    } else {
      const Status removed = request.client.remove({request.bucket, key}, {});
      const bool gone =
          removed.code() == ENOENT || removed.code() == EINVAL || removed.code() == ENAMETOOLONG;
      if (!removed.ok() && !gone) fault = error_of(removed.error());
    }
    if (!fault) {
      if (!quiet) xml.open("Deleted").add("Key", key).close();
      continue;
    }
    const S3ErrorRow& row = row_of(*fault);
    xml.open("Error").add("Key", key).add("Code", row.code).add("Message", row.message).close();
  }
  return xml_answer(xml);
}

}  // namespace ciaos::sidecar
