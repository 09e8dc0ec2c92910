#include "sidecar/s3_form.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sidecar/http_head.h"

namespace ciaos::sidecar {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kBoundaryBytesMax = 70;
constexpr std::size_t kWindowBytes = 64 * 1024;

// The value of `name` in a header's parameters: name="..." or name=...
std::optional<std::string> parameter_of(std::string_view header, std::string_view name) {
  const std::string low = lowered(header);
  for (std::size_t at = 0; (at = low.find(name, at)) != std::string::npos; at += name.size()) {
    const bool begins = at > 0 && (low[at - 1] == ' ' || low[at - 1] == ';');
    if (!begins || at + name.size() >= low.size() || low[at + name.size()] != '=') continue;
    std::string_view value = header.substr(at + name.size() + 1);
    if (!value.starts_with('"')) return std::string(value.substr(0, value.find(';')));
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
  }
  return std::nullopt;
}

std::optional<std::int64_t> time_of(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  std::string_view rest(end);
  // Parts of a second may follow.
  if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find('Z'), rest.size()));
  return rest == "Z" ? std::optional<std::int64_t>(::timegm(&parts)) : std::nullopt;
}

// Fields that nobody has to allow: they are what allows.
bool needs_no_condition(std::string_view name) {
  constexpr std::string_view kFree[] = {"awsaccesskeyid", "signature", "policy", "file", "x-amz-signature"};
  return std::ranges::find(kFree, name) != std::end(kFree) || name.starts_with("x-ignore-") ||
         name.starts_with("x-amz-checksum-");
}

class FormJudge {
 public:
  FormJudge(const Form& form, const std::string& bucket) : form_(form), bucket_(bucket) {}

  std::optional<S3Error> take(const Json& condition) {
    if (condition.is_object()) {
      if (condition.size() != 1) return S3Error::invalid_policy_document;
      const auto* value = condition.begin()->get_ptr<const std::string*>();
      if (value == nullptr) return S3Error::invalid_policy_document;
      return equal(condition.begin().key(), *value);
    }
    if (!condition.is_array() || condition.size() != 3) return S3Error::invalid_policy_document;
    const auto* name = condition[0].get_ptr<const std::string*>();
    if (name == nullptr) return S3Error::invalid_policy_document;
    const std::string test = lowered(*name);
    if (test == "content-length-range") return take_range(condition[1], condition[2]);
    const auto* field = condition[1].get_ptr<const std::string*>();
    const auto* value = condition[2].get_ptr<const std::string*>();
    if (field == nullptr || value == nullptr || !field->starts_with('$'))
      return S3Error::invalid_policy_document;
    if (test == "eq") return equal(field->substr(1), *value);
    if (test != "starts-with") return S3Error::invalid_policy_document;
    const std::string* got = value_of(field->substr(1));
    // A field that is not there is as good as an empty one.
    return (got == nullptr ? std::string() : *got).starts_with(*value)
               ? std::nullopt
               : std::optional(S3Error::access_denied);
  }
  // What no condition spoke of.
  std::optional<S3Error> finish() const {
    const auto spoken_of = [&](const std::string& name) {
      return std::ranges::find(named_, name) != named_.end();
    };
    if (!spoken_of("bucket")) return S3Error::access_denied;
    for (const auto& [name, value] : form_.fields()) {
      if (!needs_no_condition(name) && !spoken_of(name)) return S3Error::access_denied;
    }
    return std::nullopt;
  }
  const FormBounds& bounds() const { return bounds_; }

 private:
  const std::string* value_of(const std::string& field) {
    const std::string name = lowered(field);
    named_.push_back(name);
    // The bucket is where the form was sent, whatever it says itself.
    return name == "bucket" ? &bucket_ : form_.field(name);
  }
  std::optional<S3Error> equal(const std::string& field, const std::string& value) {
    const std::string* got = value_of(field);
    return got != nullptr && *got == value ? std::nullopt : std::optional(S3Error::access_denied);
  }
  std::optional<S3Error> take_range(const Json& least, const Json& most) {
    if (!least.is_number_unsigned() || !most.is_number_unsigned()) return S3Error::invalid_policy_document;
    bounds_ = {*least.get_ptr<const Json::number_unsigned_t*>(),
               *most.get_ptr<const Json::number_unsigned_t*>()};
    return std::nullopt;
  }

  const Form& form_;
  const std::string& bucket_;
  std::vector<std::string> named_;
  FormBounds bounds_;
};

}  // namespace

std::string boundary_of(std::string_view content_type) {
  if (!lowered(content_type).starts_with("multipart/form-data")) return {};
  const auto boundary = parameter_of(content_type, "boundary");
  return boundary && boundary->size() <= kBoundaryBytesMax ? *boundary : std::string();
}

// The first delimiter has no line before it, so one is put there.
Form::Form(ByteSource& from, const std::string& boundary)
    : from_(from), delimiter_("\r\n--" + boundary), window_("\r\n") {}

Status Form::fill() {
  std::array<std::byte, 16 * 1024> piece{};
  const std::size_t count = TRY(from_.read(piece));
  source_ended_ = count == 0;
  window_.append(reinterpret_cast<const char*>(piece.data()), count);
  return {};
}

Result<std::string> Form::take_until(std::string_view end, std::size_t bytes_max) {
  std::size_t searched = 0;
  while (true) {
    const std::size_t at = window_.find(end, searched);
    if (at != std::string::npos) {
      if (at > bytes_max) return fail(EFBIG, "a field of a form");
      std::string text = window_.substr(0, at);
      window_.erase(0, at + end.size());
      return text;
    }
    if (window_.size() > bytes_max + end.size()) return fail(EFBIG, "a field of a form");
    searched = window_.size() < end.size() ? 0 : window_.size() - end.size() + 1;
    TRY_VOID(fill());
    if (source_ended_) return fail(EPROTO, "a form that ends early");
  }
}

Status Form::read_fields() {
  std::size_t left = kFormFieldsBytesMax;
  TRY(take_until(delimiter_, left));
  while (true) {
    // Behind the delimiter: the line's end, or "--" when it was the last.
    if (!TRY(take_until("\r\n", left)).empty()) return fail(EPROTO, "a form without a file");
    std::string disposition;
    std::string type;
    while (true) {
      const std::string line = TRY(take_until("\r\n", left));
      if (line.empty()) break;
      left -= line.size();
      const std::string low = lowered(line);
      if (low.starts_with("content-disposition:")) disposition = line;
      if (low.starts_with("content-type:")) type = line.substr(std::strlen("content-type:"));
    }
    const auto name = parameter_of(disposition, "name");
    if (!name) return fail(EPROTO, "a field without a name");
    if (lowered(*name) == "file") {
      name_file(parameter_of(disposition, "filename").value_or(""));
      return {};
    }
    std::string value = TRY(take_until(delimiter_, left));
    left -= value.size();
    if (fields_.size() == kFormFieldsMax) return fail(EFBIG, "too many fields");
    fields_.emplace_back(lowered(*name), std::move(value));
  }
}

void Form::name_file(const std::string& name) {
  constexpr std::string_view kVariable = "${filename}";
  for (auto& [field, value] : fields_) {
    const std::size_t at = field == "key" ? value.find(kVariable) : std::string::npos;
    if (at != std::string::npos) value.replace(at, kVariable.size(), name);
  }
}

Result<std::size_t> Form::read(MutableByteSpan into) {
  if (file_ended_ || into.empty()) return std::size_t{0};
  while (!source_ended_ && window_.size() < std::min(into.size(), kWindowBytes) + delimiter_.size())
    TRY_VOID(fill());
  const std::size_t end = window_.find(delimiter_);
  if (end == std::string::npos && source_ended_) return fail(EPROTO, "a form that ends early");
  const std::size_t safe = end == std::string::npos ? window_.size() - delimiter_.size() : end;
  const std::size_t count = std::min(into.size(), safe);
  std::memcpy(into.data(), window_.data(), count);
  window_.erase(0, count);
  file_ended_ = count == end;
  return count;
}

const std::string* Form::field(std::string_view name) const {
  const auto found = std::ranges::find_if(fields_, [&](const auto& pair) { return pair.first == name; });
  return found == fields_.end() ? nullptr : &found->second;
}

JudgedForm judge_form(const std::string& policy, const Form& form, const std::string& bucket,
                      std::int64_t now_seconds) {
  const Json json = Json::parse(policy, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {S3Error::invalid_policy_document, {}};
  const auto expiration = json.find("expiration");
  const auto conditions = json.find("conditions");
  if (expiration == json.end() || conditions == json.end() || !conditions->is_array())
    return {S3Error::invalid_policy_document, {}};
  const auto* text = expiration->get_ptr<const std::string*>();
  const auto until = text == nullptr ? std::nullopt : time_of(*text);
  if (!until) return {S3Error::invalid_policy_document, {}};
  if (*until < now_seconds) return {S3Error::request_expired, {}};
  FormJudge judge(form, bucket);
  for (const Json& condition : *conditions) {
    if (const auto fault = judge.take(condition)) return {fault, {}};
  }
  return {judge.finish(), judge.bounds()};
}

}  // namespace ciaos::sidecar
