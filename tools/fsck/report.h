// What was found, in the words of the problem table. Findings wait until the end of their pass (or until there are many),
// so that the paths of all their files are looked up in one walk over the names.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/fsck/problem.h"

namespace ciaos::fsck {

// Not thread-safe.
class Report {
 public:
  using Sink = std::function<void(const std::string& line)>;
  // How people call these inodes; those that it leaves out are called by their numbers.
  using FileNames = std::function<std::map<InodeId, std::string>(const std::set<InodeId>&)>;

  explicit Report(Sink sink) : sink_(std::move(sink)) {}

  void name_files_by(FileNames names) { names_ = std::move(names); }
  void add(Finding finding);
  // Writes what waits.
  void flush();
  // A line of its own, after what waits.
  void say(const std::string& line);

  std::uint64_t count(Problem problem) const { return counts_[static_cast<std::size_t>(problem)]; }
  std::uint64_t errors() const;  // fatal ones included
  bool fatal() const;
  // Not even a note.
  bool found_nothing() const;

  // Findings that fsck knows a remedy for, in the order in which they came; all but the first kRepairableMax are left
  // for a later look.
  std::vector<Finding> take_repairable() { return std::exchange(repairable_, {}); }
  // What people read of each: its code and its sentence, with the files' names.
  std::vector<std::string> lines_of(const std::vector<Finding>& findings) const;

 private:
  static constexpr std::size_t kRepairableMax = 65536;

  Sink sink_;
  FileNames names_;
  std::vector<Finding> waiting_;
  std::vector<Finding> repairable_;
  std::array<std::uint64_t, kProblems> counts_{};
};

}  // namespace ciaos::fsck
