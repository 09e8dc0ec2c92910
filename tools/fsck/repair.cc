#include "tools/fsck/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/fsck/log_append.h"
#include "tools/fsck/replace_index.h"
#include "tools/fsck/row_rounds.h"

namespace ciaos::fsck {
namespace {

bool is_error(const ProblemEntry& entry) { return entry.severity != Severity::note; }

class Repair {
 public:
  Repair(Check& check, const Answers& answers) : check_(check), answers_(answers), latest_(&check) {}

  Result<Repaired> run() {
    found_ = check_.report.take_repairable();
    TRY_VOID(repair_superblocks());
    if (!check_.report.fatal()) {
      TRY_VOID(repair_rows());
      TRY_VOID(repair_snapshot());
      TRY_VOID(repair_index());
    }
    result_.left = errors_left();
    return result_;
  }

 private:
  // One question for all findings with this remedy, which are put right together or not at all. How many there are, if so.
  std::uint64_t agreed(Remedy remedy) {
    std::vector<Finding> asked;
    for (const Finding& finding : found_) {
      if (entry_of(finding.problem).remedy == remedy) asked.push_back(finding);
    }
    if (asked.empty()) return 0;
    const bool possible = std::all_of(asked.begin(), asked.end(), [this](const Finding& finding) {
      return answers_.possible(entry_of(finding.problem));
    });
    const ProblemEntry& entry = entry_of(asked.front().problem);
    std::string line = check_.report.lines_of({asked.front()}).front();
    if (asked.size() > 1) line += fmt::format(" (and {} more of the kind)", asked.size() - 1);
    if (!possible || !answers_.agree(entry, line)) return 0;
    check_.report.say(line + "\n  " + entry.question + ": yes");
    for (const Finding& finding : asked) ++repaired_[static_cast<std::size_t>(finding.problem)];
    return asked.size();
  }

  Status repair_superblocks() {
    if (check_.volumes == nullptr) return {};
    const std::uint64_t yes = agreed(Remedy::superblocks);
    if (yes == 0) return {};
    // Raising the counter, or the epoch, writes every copy on every device again.
    const Epoch epoch = std::max(check_.volumes->superblock().epoch, check_.highest_epoch);
    TRY_VOID(check_.volumes->update_superblocks(epoch, std::nullopt));
    result_.corrected += yes;
    return {};
  }

  // -p keeps its hands off rows unless all that is wrong is of the kind that it may repair: what it would remove may be
  // what somebody needs for the rest.
  bool holds_back() const {
    if (!answers_.preen()) return false;
    return std::any_of(problem_table().begin(), problem_table().end(), [this](const ProblemEntry& entry) {
      return is_error(entry) && check_.report.count(entry.problem) > 0 && !answers_.possible(entry);
    });
  }

  Status repair_rows() {
    if (holds_back()) return {};
    const RowRounds rounds = TRY(edit_rows(check_, answers_, found_));
    if (rounds.changes.empty()) return {};
    log_ = TRY(LogAppend::open(check_, nullptr));
    TRY_VOID(log_->append(rounds.changes));
    result_.corrected += rounds.corrected;
    return check_again();
  }

  // From the devices, as if nothing were known.
  Status check_again() {
    check_.report.say("Checking what was written");
    log_->follow(nullptr);
    again_.reset();
    silent_.emplace([](const std::string&) {});
    options_ = check_.options;
    options_.headings = options_.check_data = options_.quick = false;
    again_.emplace(Check{.options = options_, .report = *silent_, .progress = quiet_});
    again_->volumes = check_.volumes;
    latest_ = &*again_;
    TRY_VOID(run_passes(*again_));
    repaired_.fill(0);
    if (again_->log_end != log_->last()) return fail(EUCLEAN, "the log does not end with what was written");
    log_->follow(again_->index);
    return {};
  }

  Status repair_snapshot() {
    const std::uint64_t yes = agreed(Remedy::snapshot);
    if (yes == 0) return {};
    if (log_ == nullptr) log_ = TRY(LogAppend::open(check_, check_.index));
    TRY_VOID(log_->write_snapshot());
    result_.corrected += yes;
    return check_again();
  }

  Status repair_index() {
    const std::uint64_t yes = agreed(Remedy::index);
    // Its place in a log that was written to is behind; it may as well be the one that is here.
    if (yes == 0 && log_ == nullptr && !check_.options.rebuild_index) return {};
    const TxnRef position = log_ != nullptr ? log_->last() : latest_->log_end;
    TRY_VOID(latest_->index->checkpoint());
    if (log_ != nullptr) log_->follow(nullptr);
    latest_->report.name_files_by({});
    latest_->rows.reset();
    latest_->index.reset();
    TRY_VOID(
        replace_index(latest_->rows_directory, check_.index_directory, check_.superblock.uuid, position));
    for (const ProblemEntry& entry : problem_table()) {
      if (entry.remedy == Remedy::index)
        repaired_[static_cast<std::size_t>(entry.problem)] = latest_->report.count(entry.problem);
    }
    result_.corrected += yes;
    result_.index_rebuilt = true;
    return {};
  }

  std::uint64_t errors_left() const {
    std::uint64_t left = 0;
    for (const ProblemEntry& entry : problem_table()) {
      if (!is_error(entry)) continue;
      // The second look reads no payloads.
      const bool of_payload =
          entry.problem == Problem::payload_damaged || entry.problem == Problem::payload_unreadable;
      const Report& report = of_payload ? check_.report : latest_->report;
      const std::uint64_t repaired = repaired_[static_cast<std::size_t>(entry.problem)];
      left += report.count(entry.problem) - std::min(repaired, report.count(entry.problem));
    }
    return left;
  }

  Check& check_;
  const Answers& answers_;
  Repaired result_;
  std::vector<Finding> found_;
  std::array<std::uint64_t, kProblems> repaired_{};  // since the look that `latest_` is
  CheckOptions options_;
  std::optional<Report> silent_;
  Progress quiet_ = check_.progress.silent();
  std::optional<Check> again_;
  Check* latest_;
  std::unique_ptr<LogAppend> log_;
};

}  // namespace

Result<Repaired> repair(Check& check, const Answers& answers) { return Repair(check, answers).run(); }

}  // namespace ciaos::fsck
