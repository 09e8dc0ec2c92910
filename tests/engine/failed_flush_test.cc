// What was acknowledged stays readable, and is not reported durable, when it cannot become a needle (S1).
#include <gtest/gtest.h>

#include "support/engine_fixture.h"
#include "support/shell.h"
#include "support/test_store.h"

namespace ciaos::test {
namespace {

TEST(FailedFlush, KeepsWhatWasWritten) {
  TestStore store({.volumes = 32});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/f", ""), 0);
  const InodeId file = shell.inode("/f");
  store.device().set_hooks({.before_write = [](std::uint64_t, ByteSpan) { return Status(fail(EIO)); }});
  // Pieces become full, needles, chunks; and from the first chunk that cannot be written on, they stay pieces.
  std::string written;
  for (int i = 0; i < 100; ++i) {
    const std::string part = pattern(50'000, static_cast<char>('a' + i % 26));
    const auto taken = store->write(file, written.size(), as_bytes(part), {});
    if (!taken.ok()) break;
    written.append(part, 0, *taken);
  }
  ASSERT_GT(written.size(), 500'000u);
  std::string read(written.size() + 1, '?');
  const auto got = store->read(file, 0, {reinterpret_cast<std::byte*>(read.data()), read.size()});
  ASSERT_TRUE(got.ok()) << to_string(got.error());
  read.resize(*got);
  EXPECT_TRUE(read == written) << "read " << read.size() << " bytes of " << written.size();
  EXPECT_EQ(store->fsync(file).code(), EIO);
  EXPECT_EQ(shell.put("/g", "x"), EROFS);
}

}  // namespace
}  // namespace ciaos::test
