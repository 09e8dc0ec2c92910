#include "tools/fsck/problem.h"

#include <gtest/gtest.h>

#include <set>

#include "tools/fsck/report.h"

namespace ciaos::fsck {
namespace {

TEST(ProblemTable, EachProblemHasACodeOfItsOwnAndASentenceThatFormats) {
  std::set<std::string> codes;
  for (const ProblemEntry& entry : problem_table()) {
    EXPECT_TRUE(codes.insert(entry.code).second) << entry.code << " stands for two problems";
    const std::string sentence = describe({.problem = entry.problem, .name = "n", .what = "w"}, "f");
    EXPECT_FALSE(sentence.empty());
    EXPECT_EQ(sentence.find_first_of("{}"), std::string::npos) << sentence;
  }
}

TEST(ProblemTable, WhatStopsTheCheckIsNotRepaired) {
  for (const ProblemEntry& entry : problem_table()) {
    EXPECT_FALSE(entry.severity == Severity::fatal && entry.remedy != Remedy::none) << entry.code;
  }
}

TEST(ProblemTable, NamesFromTheDiskCannotSpeakToTheTerminal) {
  EXPECT_EQ(in_quotes("a\x1b[2J\"\n\\"), "\"a\\x1b[2J\\\"\\x0a\\\\\"");
}

TEST(Report, NotesAreNoErrors) {
  std::vector<std::string> lines;
  Report report([&lines](const std::string& line) { lines.push_back(line); });
  report.add({.problem = Problem::orphan, .inode = InodeId(7)});
  report.flush();
  EXPECT_EQ(report.errors(), 0u);
  EXPECT_EQ(report.count(Problem::orphan), 1u);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("inode 7"), std::string::npos);
}

TEST(Report, FilesAreCalledByTheirPaths) {
  std::vector<std::string> lines;
  Report report([&lines](const std::string& line) { lines.push_back(line); });
  report.name_files_by([](const std::set<InodeId>&) {
    return std::map<InodeId, std::string>{{InodeId(7), "/a/b"}};
  });
  report.add({.problem = Problem::links_wrong, .inode = InodeId(7), .found = 2, .expected = 1});
  report.flush();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("\"/a/b\" (inode 7): link count is 2, should be 1"), std::string::npos) << lines[0];
  EXPECT_EQ(report.errors(), 1u);
  EXPECT_FALSE(report.fatal());
}

}  // namespace
}  // namespace ciaos::fsck
