#include "fuse/wandering.h"

#include <gtest/gtest.h>

namespace ciaos::fuse {
namespace {

int held(Wandering& wandering) {
  int count = 0;
  while (wandering.hold()) ++count;
  return count;
}

TEST(LastQueues, KnowWhereAThreadAskedBefore) {
  LastQueues asked;
  EXPECT_FALSE(asked.note(7, 0));
  EXPECT_FALSE(asked.note(7, 0));
  EXPECT_TRUE(asked.note(7, 1));
  EXPECT_FALSE(asked.note(7, 1));
  EXPECT_TRUE(asked.note(7, 0));
}

TEST(LastQueues, TakeWhoHasTheSamePlaceForNew) {
  LastQueues asked;
  asked.note(7, 0);
  EXPECT_FALSE(asked.note(7 + 256, 1));
  EXPECT_FALSE(asked.note(7, 1));
}

TEST(Wandering, IsNoneWhileOneOfFiveIsMoved) {
  Wandering wandering;
  for (int i = 0; i < 1000; ++i) wandering.note(7, i % 5 == 0);
  EXPECT_EQ(held(wandering), 0);
}

TEST(Wandering, HoldsTheNext256AnswersOnceEverySecondIsMoved) {
  Wandering wandering;
  int requests = 0;
  while (!wandering.hold() && requests < 20) wandering.note(7, ++requests % 2 == 0);
  EXPECT_LE(requests, 10);
  EXPECT_EQ(held(wandering), 255);
  wandering.note(7, true);
  EXPECT_EQ(held(wandering), 0);
}

TEST(Wandering, IsNoneOfSeveralWhoAskByTurns) {
  Wandering wandering;
  for (std::uint32_t i = 0; i < 1000; ++i) wandering.note(7 + i / 2 % 2, true);
  EXPECT_EQ(held(wandering), 0);
}

TEST(Wandering, EndsWhenAnotherOneAsks) {
  Wandering wandering;
  for (int i = 0; i < 3; ++i) wandering.note(7, true);
  EXPECT_TRUE(wandering.hold());
  wandering.note(8, false);
  EXPECT_FALSE(wandering.hold());
}

TEST(Wandering, RestsForLongWhereTheProcessorIsWantedByOthers) {
  Wandering wandering;
  for (int i = 0; i < 3; ++i) wandering.note(7, true);
  EXPECT_TRUE(wandering.hold());
  wandering.kept(20'000);
  EXPECT_TRUE(wandering.hold());
  wandering.kept(3'000'000);
  for (int i = 0; i < 4096; ++i) {
    wandering.note(7, true);
    ASSERT_FALSE(wandering.hold());
  }
  for (int i = 0; i < 3; ++i) wandering.note(7, true);
  EXPECT_TRUE(wandering.hold());
}

}  // namespace
}  // namespace ciaos::fuse
