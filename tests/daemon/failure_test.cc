#include "daemon/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ciaos::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Failure, AWrongPathIsNamed) {
  const Failure failure = failure_of(Step::open_store, fail(ENOENT, "/data/x"), "/data/x");
  EXPECT_EQ(failure.code, ExitCode::failure);
  EXPECT_EQ(
      failure.sentence,
      "/data/x: there is no such file or directory; name the directory, device or image that mkfs.ciaos has "
      "formatted");
}

TEST(Failure, AContextThatExplainsItselfIsNotExplainedAgain) {
  const Failure failure =
      failure_of(Step::open_store, fail(EBUSY, "/s/superblock is in use by process 7"), "/s");
  EXPECT_THAT(failure.sentence, StartsWith("/s/superblock is in use by process 7; unmount it"));
}

TEST(Failure, AContextThatLacksTheSubjectGetsIt) {
  const Failure failure = failure_of(Step::open_store, fail(ENXIO, "device 1 of the 2 is missing"), "/s");
  EXPECT_EQ(failure.sentence, "/s: device 1 of the 2 is missing; name all of its devices");
}

TEST(Failure, EachBadStoreGetsAnExitCodeAndARemedy) {
  for (const int error :
       {ENODATA, EUCLEAN, ENOTSUP, EXDEV, ENXIO, EINVAL, EBUSY, EROFS, ENOSPC, EDQUOT, ESTALE, EIO}) {
    const Failure failure = failure_of(Step::open_store, fail(error), "/s");
    EXPECT_EQ(failure.code, ExitCode::failure) << error;
    EXPECT_THAT(failure.sentence, StartsWith("/s: ")) << error;
    EXPECT_THAT(failure.sentence, HasSubstr("; ")) << error;
    EXPECT_THAT(failure.sentence, Not(HasSubstr("\n"))) << error;
  }
}

TEST(Failure, WhatTheSystemLacksIsASystemError) {
  EXPECT_EQ(failure_of(Step::open_store, fail(EACCES), "/s").code, ExitCode::system);
  const Failure fuse = failure_of(Step::mount, fail(ENODEV, "/dev/fuse"), "/mnt");
  EXPECT_EQ(fuse.code, ExitCode::system);
  EXPECT_THAT(fuse.sentence, HasSubstr("/dev/fuse: FUSE is missing; load the kernel module"));
}

TEST(Failure, TheSameErrorMeansSomethingElseAtTheMountpoint) {
  EXPECT_THAT(failure_of(Step::mount, fail(ENOENT, "/mnt"), "/mnt").sentence,
              HasSubstr("create that directory"));
  EXPECT_THAT(failure_of(Step::mount, fail(ENOTCONN, "/mnt"), "/mnt").sentence, HasSubstr("umount"));
  EXPECT_THAT(failure_of(Step::remount, fail(EROFS, "/mnt"), "/mnt").sentence,
              HasSubstr("mount it without ro"));
}

TEST(Failure, AWrongCommandLineIsAUsageError) {
  const Failure failure = failure_of(Step::command_line, fail(EINVAL, "unknown option -x"), "");
  EXPECT_EQ(failure.code, ExitCode::usage);
  EXPECT_EQ(failure.sentence, "unknown option -x; see ciaosfs --help");
}

TEST(Failure, AnErrorThatNobodyThoughtOfHasTheSystemsWords) {
  EXPECT_EQ(failure_of(Step::open_store, fail(EDOM, "/s"), "/s").sentence,
            "/s: Numerical argument out of domain");
}

}  // namespace
}  // namespace ciaos::daemon
