// What the engine's stories begin with: an open store and somebody who types.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "engine/engine.h"
#include "support/file_tree.h"
#include "support/shell.h"
#include "support/test_store.h"

namespace ciaos::test {

class EngineTest : public testing::Test {
 protected:
  explicit EngineTest(const StoreShape& shape = {}) : store(shape) {}
  void SetUp() override { store.open(); }

  Shell shell() { return Shell(store.engine()); }
  // Everything there is, or a failure.
  FileTree tree() {
    auto found = tree_of(store.engine());
    EXPECT_TRUE(found.ok()) << to_string(found.error());
    return found.ok() ? *std::move(found) : FileTree{};
  }
  // Power goes without a warning; what the device took is there.
  void kill_and_open() {
    store.kill();
    store.open();
  }

  TestStore store;
};

// Bytes that tell one piece of a file from another.
inline std::string pattern(std::size_t bytes, char first = 'a') {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(first + i / 7 % 23);
  return text;
}

}  // namespace ciaos::test
