// Turns: no more workers at once than there are turns, and whoever waits holds nobody up.
#include "sidecar/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ciaos::test {
namespace {

using sidecar::Turns;

TEST(Turns, NoMoreWorkersHaveOneThanThereAre) {
  Turns turns(2);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        turns.take();
        turns.take();  // has one already
        const int now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
        Turns::about_to_wait();
        Turns::about_to_wait();  // has none
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(most, 1);
  EXPECT_LE(most, 2);
}

TEST(Turns, WhoIsAboutToWaitLetsSomebodyElseWork) {
  Turns turns(1);
  turns.take();
  std::thread other([&] {
    turns.take();
    Turns::about_to_wait();
  });
  Turns::about_to_wait();
  other.join();  // for ever, if the turn were still here
  turns.take();
  Turns::about_to_wait();
}

}  // namespace
}  // namespace ciaos::test
