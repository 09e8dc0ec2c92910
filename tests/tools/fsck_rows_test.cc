// Passes 4 and 6, and the part of 5 that reads rows alone: a batch holds rows that no engine would write, and is found.
#include <gtest/gtest.h>

#include "tools/breakages.h"

namespace ciaos::fsck {
namespace {

class RowsBroken : public testing::TestWithParam<Breakage> {};

TEST_F(RowsBroken, AStoreThatIsWholeIsClean) {
  Tree tree;
  const Findings findings = tree.check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_missing), 1u) << "a note, since the next mount makes one";
  EXPECT_EQ(findings.result->totals.inodes, 6u);
  EXPECT_EQ(findings.result->totals.directories, 3u);
  EXPECT_EQ(findings.result->totals.names, 5u);
  EXPECT_EQ(findings.result->totals.stored_bytes, 5300u);
}

TEST_P(RowsBroken, IsFoundAndNamed) {
  const Breakage& breakage = GetParam();
  Tree tree(breakage.in_folder);
  break_rows(tree, breakage);
  const Findings findings = tree.check(nullptr, false);
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_GE(findings.count(breakage.problem), 1u) << findings.text();
  EXPECT_NE(findings.text().find(breakage.says), std::string::npos) << findings.text();
  const bool note = entry_of(breakage.problem).severity == Severity::note;
  EXPECT_EQ(findings.errors == 0, note) << findings.text();
}

INSTANTIATE_TEST_SUITE_P(All, RowsBroken, testing::ValuesIn(row_breakages().begin(), row_breakages().end()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ciaos::fsck
