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
  for (int i = 0; i < 1000; ++i) wandering.note(i % 5 == 0);
  EXPECT_EQ(held(wandering), 0);
}

TEST(Wandering, HoldsTheNext256AnswersOnceEverySecondIsMoved) {
  Wandering wandering;
  int requests = 0;
  while (!wandering.hold() && requests < 20) wandering.note(++requests % 2 == 0);
  EXPECT_LE(requests, 10);
  EXPECT_EQ(held(wandering), 255);
  wandering.note(true);
  EXPECT_EQ(held(wandering), 0);
}

}  // namespace
}  // namespace ciaos::fuse
