#include "store/owner_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>

#include "temp_directory.h"

namespace ciaos::store {
namespace {

using Mode = OwnerLock::Mode;

class OwnerLockTest : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(path) << "x"; }

  test::TempDirectory directory;
  const std::string path = directory / "superblock";
};

TEST_F(OwnerLockTest, SecondOpenerIsToldThePid) {
  const auto owner = OwnerLock::take(path, Mode::exclusive, 0);
  ASSERT_TRUE(owner.ok());
  const auto second = OwnerLock::take(path, Mode::exclusive, 0);
  ASSERT_EQ(EBUSY, second.code());
  if (second.error().context.find("process ") == std::string::npos) {
    GTEST_SKIP() << "/proc/locks does not know this filesystem's inodes: " << second.error().context;
  }
  EXPECT_EQ(path + " is in use by process " + std::to_string(::getpid()), second.error().context);
}

TEST_F(OwnerLockTest, AnotherProcessIsRefusedAndNamed) {
  int ready[2];
  int done[2];
  ASSERT_EQ(0, ::pipe(ready));
  ASSERT_EQ(0, ::pipe(done));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto owner = OwnerLock::take(path, Mode::exclusive, 0);
    char byte = owner.ok() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(1, ::read(ready[0], &byte, 1));
  EXPECT_EQ('y', byte);
  const auto second = OwnerLock::take(path, Mode::exclusive, 60);
  EXPECT_EQ(EBUSY, second.code());
  EXPECT_NE(std::string::npos, second.error().context.find("in use by")) << second.error().context;
  ASSERT_EQ(1, ::write(done[1], &byte, 1));
  int status = 0;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_TRUE(OwnerLock::take(path, Mode::exclusive, 1000).ok())
      << "the kernel gives back a dead owner's lock";
  for (int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

TEST_F(OwnerLockTest, ReadersShareAndKeepTheWriterOut) {
  const auto first = OwnerLock::take(path, Mode::shared, 0);
  const auto second = OwnerLock::take(path, Mode::shared, 0);
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
  EXPECT_EQ(EBUSY, OwnerLock::take(path, Mode::exclusive, 0).code());
}

TEST_F(OwnerLockTest, EndsWithItsObject) {
  { const auto owner = OwnerLock::take(path, Mode::exclusive, 0); }
  EXPECT_TRUE(OwnerLock::take(path, Mode::exclusive, 0).ok());
}

TEST_F(OwnerLockTest, MissingFileIsNamed) {
  const auto lock = OwnerLock::take(directory / "nothing", Mode::exclusive, 0);
  EXPECT_EQ(ENOENT, lock.code());
  EXPECT_NE(std::string::npos, lock.error().context.find("nothing"));
}

}  // namespace
}  // namespace ciaos::store
