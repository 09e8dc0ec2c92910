#include "meta/quota_row.h"

#include <gtest/gtest.h>

#include "meta/row_codec.h"

namespace ciaos::meta {
namespace {

constexpr QuotaRow kRow{.bytes_max = 300, .files_max = 5, .bytes = 512, .files = 2};

TEST(QuotaRow, IsItsVersionAndFourNumbers) {
  const std::string golden("\x01\xAC\x02\x05\x80\x04\x02", 7);
  EXPECT_EQ(encode_quota(kRow), golden);
  EXPECT_EQ(decode_quota(golden), kRow);
  const QuotaRow largest{kNumberMax, kNumberMax, kNumberMax, kNumberMax};
  EXPECT_EQ(decode_quota(encode_quota(largest)), largest);
}

TEST(QuotaRow, IsRefusedCutLongerOrOfAnotherVersion) {
  const std::string whole = encode_quota(kRow);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_FALSE(decode_quota(whole.substr(0, bytes))) << bytes;
  EXPECT_FALSE(decode_quota(whole + '\0'));
  EXPECT_FALSE(decode_quota('\x02' + whole.substr(1)));
  EXPECT_FALSE(decode_quota(std::string("\x01\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 14)));
}

TEST(QuotaRow, ChargesWholeBlocksOf512) {
  EXPECT_EQ(charged_bytes(0), 0u);
  EXPECT_EQ(charged_bytes(1), 512u);
  EXPECT_EQ(charged_bytes(512), 512u);
  EXPECT_EQ(charged_bytes(513), 1024u);
}

}  // namespace
}  // namespace ciaos::meta
