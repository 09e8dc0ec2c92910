#include "fuse/file_flags.h"

#include <gtest/gtest.h>

namespace ciaos::fuse {
namespace {

TEST(FileFlags, XfsHasItsOwnWordsForThem) {
  EXPECT_EQ(xflags_of(FS_IMMUTABLE_FL | FS_NODUMP_FL), 0u | FS_XFLAG_IMMUTABLE | FS_XFLAG_NODUMP);
  fsxattr attributes{};
  attributes.fsx_xflags = FS_XFLAG_APPEND | FS_XFLAG_IMMUTABLE;
  EXPECT_EQ(*flags_of(attributes), 0u | FS_APPEND_FL | FS_IMMUTABLE_FL);
  attributes.fsx_nextents = 7;  // told, never asked for
  EXPECT_TRUE(flags_of(attributes).ok());
}

TEST(FileFlags, WhatHasNoMeaningHereIsRefused) {
  fsxattr attributes{};
  attributes.fsx_xflags = FS_XFLAG_REALTIME;
  EXPECT_EQ(flags_of(attributes).code(), EOPNOTSUPP);
  attributes = {};
  attributes.fsx_projid = 1;
  EXPECT_EQ(flags_of(attributes).code(), EOPNOTSUPP);
  attributes = {};
  attributes.fsx_extsize = 4096;
  EXPECT_EQ(flags_of(attributes).code(), EOPNOTSUPP);
}

}  // namespace
}  // namespace ciaos::fuse
