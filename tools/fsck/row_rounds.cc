#include "tools/fsck/row_rounds.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tools/fsck/row_repairs.h"

namespace ciaos::fsck {
namespace {

bool is_of_rows(Remedy remedy) { return remedy >= Remedy::cut && remedy <= Remedy::totals; }

// What one problem is recognised by when it is met again.
std::string identity(const Finding& f) {
  return std::to_string(static_cast<int>(f.problem)) + "/" + std::to_string(f.inode.value()) + "/" +
         std::to_string(f.volume.value()) + "/" + std::to_string(f.offset) + "/" + f.name + "/" + f.what +
         (entry_of(f.problem).remedy == Remedy::inodes ? std::to_string(f.found) : "");
}

class Rounds {
 public:
  Rounds(Check& check, const Answers& answers) : check_(check), answers_(answers) {}

  Result<RowRounds> run(std::vector<Finding> found) {
    for (;;) {
      const std::vector<Finding> agreed = agreed_of_next_remedy(found);
      if (agreed.empty()) return std::move(result_);
      RowEdits edits(*check_.rows, check_.highest_inode);
      TRY_VOID(repair_rows(check_, agreed, edits));
      if (edits.changes().empty()) continue;  // they are not asked for again
      TRY_VOID(apply(edits.changes()));
      result_.corrected += agreed.size();
      found = TRY(look_again());
    }
  }

 private:
  // Of the remedies that still have something to do, the one that comes first.
  std::vector<Finding> agreed_of_next_remedy(std::vector<Finding>& found) {
    std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
      return entry_of(a.problem).remedy < entry_of(b.problem).remedy;
    });
    const std::vector<std::string> lines = check_.report.lines_of(found);
    std::vector<Finding> agreed;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const ProblemEntry& entry = entry_of(found[i].problem);
      if (!is_of_rows(entry.remedy)) continue;
      if (!agreed.empty() && entry.remedy != entry_of(agreed.front().problem).remedy) break;
      if (agree(found[i], entry, lines[i])) agreed.push_back(found[i]);
    }
    return agreed;
  }

  // A problem that comes back although it was repaired is not repaired for ever.
  bool agree(const Finding& finding, const ProblemEntry& entry, const std::string& line) {
    constexpr int kTriesMax = 3;
    int& tries = tries_[identity(finding)];
    if (tries >= kTriesMax || !answers_.possible(entry)) return false;
    if (!answers_.agree(entry, line)) {
      tries = kTriesMax;
      return false;
    }
    ++tries;
    check_.report.say(line + "\n  " + entry.question + ": yes");
    return true;
  }

  Status apply(const meta::Changes& changes) {
    position_ = next(std::max(position_, check_.log_end.sequence));
    TxnRef nowhere = check_.log_end;
    nowhere.sequence = position_;
    const meta::Changes* const batch = &changes;
    TRY_VOID(check_.index->apply({&batch, 1}, nowhere));
    merge_changes(result_.changes, changes);
    return {};
  }

  Result<std::vector<Finding>> look_again() {
    CheckOptions options = check_.options;
    options.headings = false;
    Report report([](const std::string&) {});
    Progress progress = check_.progress.silent();
    Check look{.options = options, .report = report, .progress = progress, .rows_only = true};
    look.volumes = check_.volumes;
    look.superblock = check_.superblock;
    look.highest_inode = check_.highest_inode;
    look.rows.emplace(TRY(check_.index->reader()));
    TRY_VOID(run_row_passes(look));
    check_.highest_inode = look.highest_inode;
    return report.take_repairable();
  }

  Check& check_;
  const Answers& answers_;
  RowRounds result_;
  std::map<std::string, int> tries_;
  Sequence position_;
};

}  // namespace

Result<RowRounds> edit_rows(Check& check, const Answers& answers, std::vector<Finding> found) {
  return Rounds(check, answers).run(std::move(found));
}

}  // namespace ciaos::fsck
