// Messages of the local protocol, and what is no message.
#include "rpc/protocol.h"

#include <gtest/gtest.h>
#include <wire_generated.h>

#include "support/random.h"

namespace ciaos::rpc {
namespace {

using test::Random;

wire::RequestT example() {
  wire::RequestT request;
  request.id = 7;
  request.verb = wire::Verb_publish;
  request.bucket = "bucket";
  request.key = "a/key";
  request.notes = wire_of(
      engine::ObjectNotes{.etag = "e", .facts = {{"f", "v"}}, .labels = {{"l", std::string("a\0b", 3)}}});
  request.owner = wire_of(engine::ObjectOwner{.uid = 1, .gid = 2, .file_mode = 0600, .directory_mode = 0700});
  request.condition =
      wire_of(engine::ObjectCondition{.absent = true, .if_match = {"x", "y"}, .if_none_match = {"*"}});
  return request;
}

TEST(Protocol, AMessageComesBackAsItWas) {
  const auto back = parse_request(as_bytes(pack(example())));
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->id, 7u);
  EXPECT_EQ(back->bucket, "bucket");
  EXPECT_EQ(notes_of(back->notes), notes_of(example().notes));
  EXPECT_EQ(owner_of(back->owner).directory_mode, 0700u);
  EXPECT_EQ(condition_of(back->condition).if_match, (std::vector<std::string>{"x", "y"}));
  wire::ReplyT reply;
  reply.info = wire_of(engine::ObjectInfo{.inode = InodeId(9),
                                          .size = 1ull << 40,
                                          .modified = {-5, 6},
                                          .change = 3,
                                          .directory = true,
                                          .notes = {.etag = "t", .facts = {}, .labels = {}}});
  const auto info = info_of(parse_reply(as_bytes(pack(reply)))->info);
  EXPECT_EQ(info.size, 1ull << 40);
  EXPECT_EQ(info.modified, (Timestamp{-5, 6}));
  EXPECT_EQ(info.notes.etag, "t");
}

TEST(Protocol, WhatIsCutShortIsNoMessage) {
  const std::string whole = pack(example());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    // A copy of its own, so that the sanitizer sees a read beyond it.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const auto parsed = parse_request(as_bytes({cut.data(), cut.size()}));
    if (parsed) EXPECT_LT(whole.size() - length, 8u) << "only padding may be missing";
  }
}

TEST(Protocol, GarbageIsRefusedOrHarmless) {
  const auto seeds = test::seeds_to_run(4000);
  const std::string whole = pack(example());
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    Random random(seed);
    std::string text = random.chance(20) ? random.bytes(random.below(400)) : whole;
    for (std::uint64_t i = random.below(6); i > 0 && !text.empty(); --i)
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    const std::vector<char> exact(text.begin(), text.end());
    if (const auto parsed = parse_request(as_bytes({exact.data(), exact.size()}))) {
      (void)notes_of(parsed->notes);
      (void)condition_of(parsed->condition);
      EXPECT_FALSE(pack(*parsed).empty());
    }
    (void)parse_reply(as_bytes({exact.data(), exact.size()}));
  }
}

}  // namespace
}  // namespace ciaos::rpc
