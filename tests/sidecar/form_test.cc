// Forms that browsers send: fields, the file behind them, and the policies that allow them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "sidecar/s3_form.h"

namespace ciaos::sidecar {
namespace {

// Gives at most `step` bytes at a time, so that every delimiter is cut somewhere.
class Slices final : public ByteSource {
 public:
  Slices(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
  Result<std::size_t> read(MutableByteSpan into) override {
    const std::size_t count = std::min({into.size(), step_, text_.size() - at_});
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  const std::string text_;
  const std::size_t step_;
  std::size_t at_ = 0;
};

std::string field(const std::string& name, const std::string& value) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file(const std::string& bytes) {
  return "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cat.jpg\"\r\nContent-Type: "
         "x/y\r\n\r\n" +
         bytes + "\r\n--B--\r\n";
}

Result<std::string> all_of(Form& form) {
  std::string bytes;
  std::array<std::byte, 7> piece{};
  while (true) {
    const std::size_t count = TRY(form.read(piece));
    if (count == 0) return bytes;
    bytes.append(reinterpret_cast<const char*>(piece.data()), count);
  }
}

TEST(Forms, AreReadHoweverTheirBytesCome) {
  const std::string bytes = "\r\n--\r\n--A almost the end \r\n--";
  for (std::size_t step = 1; step < 200; step += 3) {
    Slices source(field("KEY", "a/${filename}") + field("empty", "") + file(bytes), step);
    Form form(source, "B");
    ASSERT_TRUE(form.read_fields().ok()) << step;
    EXPECT_EQ(*form.field("key"), "a/cat.jpg");
    EXPECT_EQ(*form.field("empty"), "");
    EXPECT_EQ(all_of(form).value(), bytes) << step;
  }
}

TEST(Forms, ThatEndEarlyOrHaveNoFileAreRefused) {
  const auto read = [](const std::string& text) {
    Slices source(text, 1000);
    Form form(source, "B");
    const Status fields = form.read_fields();
    return fields.ok() ? all_of(form).code() : fields.code();
  };
  EXPECT_EQ(read(""), EPROTO);
  EXPECT_EQ(read("--B--\r\n"), EPROTO);
  EXPECT_EQ(read(field("key", "a")), EPROTO);
  EXPECT_EQ(read(field("key", "a") + "--B--\r\n"), EPROTO);
  EXPECT_EQ(read("--B\r\nContent-Type: x\r\n\r\nvalue\r\n--B--\r\n"), EPROTO);
  EXPECT_EQ(read(field("key", std::string(kFormFieldsBytesMax + 1, 'x')) + file("")), EFBIG);
  EXPECT_EQ(read("--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno end"), EPROTO);
  std::string many;
  for (std::size_t i = 0; i <= kFormFieldsMax; ++i) many += field("x", "");
  EXPECT_EQ(read(many + file("")), EFBIG);
}

TEST(Forms, HaveABoundaryInTheirType) {
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("Multipart/Form-Data; charset=x; boundary=\"a b\""), "a b");
  EXPECT_EQ(boundary_of("text/plain; boundary=abc"), "");
  EXPECT_EQ(boundary_of("multipart/form-data"), "");
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

class FormPolicies : public testing::Test {
 protected:
  FormPolicies()
      : source_(field("key", "pictures/1") + field("acl", "private") + file("x"), 100), form_(source_, "B") {
    EXPECT_TRUE(form_.read_fields().ok());
  }
  std::optional<S3Error> judge(const std::string& conditions,
                               const std::string& until = "2030-01-01T00:00:00Z") {
    const JudgedForm judged = judge_form(
        R"({"expiration":")" + until + R"(","conditions":[)" + conditions + "]}", form_, "b", 1'700'000'000);
    bounds_ = judged.bounds;
    return judged.fault;
  }
  const std::string all_ = R"({"bucket":"b"},["starts-with","$key","pictures/"],["eq","$acl","private"])";
  Slices source_;
  Form form_;
  FormBounds bounds_;
};

TEST_F(FormPolicies, AllowWhatTheyNameAndNothingElse) {
  EXPECT_EQ(judge(all_), std::nullopt);
  EXPECT_EQ(judge(R"({"bucket":"c"},["starts-with","$key",""],{"acl":"private"})"), S3Error::access_denied);
  EXPECT_EQ(judge(R"({"bucket":"b"},["starts-with","$key",""])"), S3Error::access_denied);
  EXPECT_EQ(judge(R"(["starts-with","$key",""],{"acl":"private"})"), S3Error::access_denied);
  EXPECT_EQ(judge(all_ + R"(,{"x-amz-meta-a":"b"})"), S3Error::access_denied);
  EXPECT_EQ(judge(R"({"bUcKeT":"b"},["StArTs-WiTh","$KEY","pic"],{"ACL":"private"})"), std::nullopt);
}

TEST_F(FormPolicies, EndAndHaveSizes) {
  EXPECT_EQ(judge(all_, "2020-01-01T00:00:00Z"), S3Error::request_expired);
  EXPECT_EQ(judge(all_, "2030-01-01T00:00:00.000Z"), std::nullopt);
  EXPECT_EQ(judge(all_, "tomorrow"), S3Error::invalid_policy_document);
  EXPECT_EQ(judge(all_ + R"(,["content-length-range",2,9])"), std::nullopt);
  EXPECT_EQ(bounds_.bytes_min, 2u);
  EXPECT_EQ(bounds_.bytes_max, 9u);
}

TEST_F(FormPolicies, ThatAreNoneAreRefused) {
  for (const char* condition :
       {"{}", R"({"a":1})", R"(["eq","$a"])", R"(["like","$a","b"])", R"(["eq","a","b"])",
        R"(["content-length-range",-1,2])", R"(["content-length-range",1])", "1"})
    EXPECT_EQ(judge(all_ + "," + condition), S3Error::invalid_policy_document) << condition;
  EXPECT_EQ(judge_form("{", form_, "b", 0).fault, S3Error::invalid_policy_document);
  EXPECT_EQ(judge_form(R"({"expiration":"2030-01-01T00:00:00Z"})", form_, "b", 0).fault,
            S3Error::invalid_policy_document);
}

}  // namespace
}  // namespace ciaos::sidecar
