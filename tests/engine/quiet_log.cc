// Thousands of stores are opened, killed and rebuilt here, and each tells the log so: only errors are shown.
#include <gtest/gtest.h>

#include "base/log.h"

namespace ciaos::test {
namespace {

class QuietLog : public testing::Environment {
  void SetUp() override { open_log(LogTarget::standard_error, LogLevel::error, "engine_test"); }
};

[[maybe_unused]] const testing::Environment* const kQuietLog =
    testing::AddGlobalTestEnvironment(new QuietLog);

}  // namespace
}  // namespace ciaos::test
