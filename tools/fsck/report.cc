#include "tools/fsck/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ciaos::fsck {
namespace {

constexpr std::size_t kFindingsWaitingMax = 65536;

}  // namespace

void Report::add(Finding finding) {
  ++counts_[static_cast<std::size_t>(finding.problem)];
  if (entry_of(finding.problem).remedy != Remedy::none && repairable_.size() < kRepairableMax) {
    repairable_.push_back(finding);
  }
  waiting_.push_back(std::move(finding));
  if (waiting_.size() >= kFindingsWaitingMax) flush();
}

void Report::flush() {
  if (waiting_.empty()) return;
  for (const std::string& line : lines_of(std::exchange(waiting_, {}))) sink_(line);
}

std::vector<std::string> Report::lines_of(const std::vector<Finding>& findings) const {
  std::set<InodeId> inodes;
  for (const Finding& finding : findings) {
    if (finding.inode != InodeId()) inodes.insert(finding.inode);
  }
  std::map<InodeId, std::string> names;
  if (names_ && !inodes.empty()) names = names_(inodes);
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    const auto name = names.find(finding.inode);
    const std::string number = fmt::format("inode {}", finding.inode.value());
    const std::string file =
        name == names.end() ? number : fmt::format("{} ({})", in_quotes(name->second), number);
    const ProblemEntry& entry = entry_of(finding.problem);
    lines.push_back(fmt::format("{}{}: {}", entry.severity == Severity::note ? "note " : "", entry.code,
                                describe(finding, file)));
  }
  return lines;
}

void Report::say(const std::string& line) {
  flush();
  sink_(line);
}

std::uint64_t Report::errors() const {
  std::uint64_t sum = 0;
  for (const ProblemEntry& entry : problem_table()) {
    if (entry.severity != Severity::note) sum += count(entry.problem);
  }
  return sum;
}

bool Report::fatal() const {
  for (const ProblemEntry& entry : problem_table()) {
    if (entry.severity == Severity::fatal && count(entry.problem) > 0) return true;
  }
  return false;
}

bool Report::found_nothing() const {
  return std::all_of(counts_.begin(), counts_.end(), [](std::uint64_t count) { return count == 0; });
}

}  // namespace ciaos::fsck
