#include "tools/fsck/report.h"

#include <fmt/format.h>

#include <utility>

namespace ciaos::fsck {
namespace {

constexpr std::size_t kFindingsWaitingMax = 65536;

}  // namespace

void Report::add(Finding finding) {
  ++counts_[static_cast<std::size_t>(finding.problem)];
  waiting_.push_back(std::move(finding));
  if (waiting_.size() >= kFindingsWaitingMax) flush();
}

void Report::flush() {
  if (waiting_.empty()) return;
  std::set<InodeId> inodes;
  for (const Finding& finding : waiting_) {
    if (finding.inode != InodeId()) inodes.insert(finding.inode);
  }
  std::map<InodeId, std::string> names;
  if (names_ && !inodes.empty()) names = names_(inodes);
  for (const Finding& finding : std::exchange(waiting_, {})) {
    const auto name = names.find(finding.inode);
    const std::string number = fmt::format("inode {}", finding.inode.value());
    const std::string file =
        name == names.end() ? number : fmt::format("{} ({})", quoted(name->second), number);
    const ProblemEntry& entry = entry_of(finding.problem);
    sink_(fmt::format("{}{}: {}", entry.severity == Severity::note ? "note " : "", entry.code,
                      describe(finding, file)));
  }
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

}  // namespace ciaos::fsck
