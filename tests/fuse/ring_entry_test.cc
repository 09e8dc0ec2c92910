#include "fuse/ring_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "fuse/request_buffer.h"

namespace ciaos::fuse {
namespace {

constexpr std::size_t kPayloadBytes = 64 * 1024;

// What the kernel does with an entry's memory.
class KernelSide {
 public:
  explicit KernelSide(const RingEntry& entry)
      : headers_(*static_cast<RingHeaders*>(entry.parts()[0].iov_base)),
        payload_(static_cast<char*>(entry.parts()[1].iov_base)) {}

  void ask(std::uint32_t opcode, std::string_view of_kind, std::string_view payload) {
    fuse_in_header header{};
    header.opcode = opcode;
    header.unique = 42;
    header.len = static_cast<std::uint32_t>(sizeof header + of_kind.size() + payload.size());
    std::memcpy(headers_.in_out, &header, sizeof header);
    std::memcpy(headers_.of_kind, of_kind.data(), of_kind.size());
    std::memcpy(payload_, payload.data(), payload.size());
    headers_.entry.payload_bytes = static_cast<std::uint32_t>(payload.size());
    headers_.entry.commit_id = 7;
  }
  fuse_out_header header() const {
    fuse_out_header header{};
    std::memcpy(&header, headers_.in_out, sizeof header);
    return header;
  }
  std::string answer() const { return {payload_, headers_.entry.payload_bytes}; }
  RingHeaders& headers() { return headers_; }

 private:
  RingHeaders& headers_;
  char* payload_;
};

struct RingEntryTest : testing::Test {
  RingEntry entry = *RingEntry::make(kPayloadBytes);
  KernelSide kernel{entry};
};

TEST_F(RingEntryTest, ARequestLiesInOnePieceAndItsPayloadWhereItWas) {
  kernel.ask(FUSE_WRITE, "struct!!", "payload");
  const ByteSpan request = entry.request();
  EXPECT_EQ(as_text(request.subspan(sizeof(fuse_in_header))), "struct!!payload");
  EXPECT_EQ(request.data() + sizeof(fuse_in_header) + 8, entry.parts()[1].iov_base);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(entry.parts()[1].iov_base) % 4096, 0u);
  EXPECT_EQ(entry.commit_id(), 7u);
  EXPECT_EQ(entry.unique(), 42u);
  EXPECT_FALSE(entry.answered());
}

TEST_F(RingEntryTest, ALengthThatCannotBeIsNoRequest) {
  kernel.ask(FUSE_WRITE, "struct!!", "payload");
  kernel.headers().entry.payload_bytes = kPayloadBytes + 1;
  EXPECT_TRUE(entry.request().empty());
  kernel.headers().entry.payload_bytes = 1000;  // longer than the whole
  EXPECT_TRUE(entry.request().empty());
  fuse_in_header header{};
  header.len = sizeof header + 129;  // a struct longer than its place
  std::memcpy(kernel.headers().in_out, &header, sizeof header);
  kernel.headers().entry.payload_bytes = 0;
  EXPECT_TRUE(entry.request().empty());
}

TEST_F(RingEntryTest, AnAnswerInPartsIsJoinedBehindItsHeader) {
  kernel.ask(FUSE_LOOKUP, "", "name");
  (void)entry.request();
  fuse_out_header header{};
  header.unique = 42;
  std::string first = "first ";
  std::string second = "second";
  header.len = sizeof header + 12;
  const iovec parts[] = {{&header, sizeof header}, {first.data(), 6}, {second.data(), 6}};
  const AnswersTo answers(entry, entry.unique());
  EXPECT_EQ(send_reply(-1, parts, 3), static_cast<ssize_t>(header.len));
  EXPECT_TRUE(entry.answered());
  EXPECT_EQ(kernel.header().unique, 42u);
  EXPECT_EQ(kernel.answer(), "first second");
}

TEST_F(RingEntryTest, BytesMadeInItsMemoryStayThere) {
  kernel.ask(FUSE_READ, "", "");
  (void)entry.request();
  const AnswersTo answers(entry, entry.unique());
  const MutableByteSpan buffer = request_buffer(100);
  EXPECT_EQ(static_cast<void*>(buffer.data()), entry.parts()[1].iov_base);
  std::memcpy(buffer.data(), "bytes", 5);
  entry.answer(std::size_t{5});
  EXPECT_EQ(kernel.answer(), "bytes");
  EXPECT_EQ(kernel.header().error, 0);
}

TEST_F(RingEntryTest, AnErrorHasNoBytes) {
  kernel.ask(FUSE_READ, "", "");
  (void)entry.request();
  entry.answer(Result<std::size_t>(fail(EIO)));
  EXPECT_EQ(kernel.header().error, -EIO);
  EXPECT_EQ(kernel.header().len, sizeof(fuse_out_header));
  EXPECT_EQ(kernel.answer(), "");
}

TEST_F(RingEntryTest, AnswersToOthersGoByTheDescriptor) {
  kernel.ask(FUSE_READ, "", "");
  (void)entry.request();
  const AnswersTo answers(entry, entry.unique());
  fuse_out_header notification{};
  notification.len = sizeof notification;
  const iovec parts[] = {{&notification, sizeof notification}};
  EXPECT_LT(send_reply(-1, parts, 1), 0);  // there is no descriptor -1
  EXPECT_FALSE(entry.answered());
}

}  // namespace
}  // namespace ciaos::fuse
