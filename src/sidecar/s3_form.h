// A browser's form that uploads a file (RFC 7578), and the policy that came with it. No I/O but from the body's source.
//
//   --boundary  field  --boundary  field ...  --boundary  the file's bytes  --boundary-- whatever
//
// Fields come before the file; what comes behind it is passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/body.h"
#include "sidecar/s3_error.h"

namespace ciaos::sidecar {

inline constexpr std::size_t kFormFieldsBytesMax = 64 * 1024;
inline constexpr std::size_t kFormFieldsMax = 100;

// The boundary that a Content-Type of multipart/form-data names; "" without one.
std::string boundary_of(std::string_view content_type);

class Form final : public ByteSource {
 public:
  // `from` outlives the form.
  Form(ByteSource& from, const std::string& boundary);
  // Up to the file. EPROTO: no form, or none with a file; EFBIG: larger fields than a form has.
  Status read_fields();
  // Of the file.
  Result<std::size_t> read(MutableByteSpan into) override;

  // Names in lower case. "${filename}" in the key is what the file is called.
  const std::string* field(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  Status fill();
  void name_file(const std::string& name);
  Result<std::string> take_until(std::string_view end, std::size_t bytes_max);

  ByteSource& from_;
  const std::string delimiter_;  // with the line's end before it
  std::string window_;
  bool source_ended_ = false;
  bool file_ended_ = false;
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct FormBounds {
  std::uint64_t bytes_min = 0;
  std::uint64_t bytes_max = UINT64_MAX;
};
struct JudgedForm {
  std::optional<S3Error> fault;
  FormBounds bounds;
};
// Whether the policy, a JSON document, lets a form with these fields into the bucket just now. Pure.
JudgedForm judge_form(const std::string& policy, const Form& form, const std::string& bucket,
                      std::int64_t now_seconds);

}  // namespace ciaos::sidecar
