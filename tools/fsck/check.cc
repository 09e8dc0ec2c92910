#include "tools/fsck/check.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tools/fsck/paths.h"
#include "tools/fsck/repair.h"
#include "tools/fsck/salvage.h"

namespace ciaos::fsck {
namespace {

constexpr std::size_t kScanBytes = 1 << 20;

struct Pass {
  Status (*run)(Check&);
  const char* subject;
};
constexpr std::array<Pass, 6> kPasses{{{pass1_superblocks, "superblocks"},
                                       {pass2_log, "log"},
                                       {pass3_index, "index against log"},
                                       {pass4_names, "names and links"},
                                       {pass5_extents, "extents and needles"},
                                       {pass6_accounting, "accounting"}}};
constexpr std::size_t kFirstRowPass = 3;

void name_files(Check& check) {
  check.report.name_files_by(
      [&check](const std::set<InodeId>& inodes) { return paths_of(*check.rows, inodes); });
}

Status run_pass(Check& check, std::size_t i) {
  if (check.options.headings) check.report.say(fmt::format("Pass {}: {}", i + 1, kPasses[i].subject));
  check.progress.begin(static_cast<int>(i + 1), 1);
  TRY_VOID(kPasses[i].run(check));
  check.progress.end();
  check.report.flush();
  return {};
}

Result<CheckResult> check_and_repair(Check& check, const Answers* answers) {
  TRY_VOID(run_passes(check));
  CheckResult result{check.totals, check.superblock, check.clean_at_a_glance};
  result.left = check.report.errors();
  if (answers == nullptr || check.clean_at_a_glance) return result;
  const Repaired repaired = TRY(repair(check, *answers));
  result.corrected = repaired.corrected;
  result.left = repaired.left;
  result.index_rebuilt = repaired.index_rebuilt;
  return result;
}

}  // namespace

Status run_passes(Check& check) {
  for (std::size_t i = 0; i < kPasses.size(); ++i) {
    TRY_VOID(run_pass(check, i));
    if (check.report.fatal()) return {};
    if (i == 0 && check.options.quick && check.report.found_nothing()) {
      check.clean_at_a_glance = TRY(looks_clean(check));
      if (check.clean_at_a_glance) return {};
    }
    if (i == 1) name_files(check);
  }
  return {};
}

Status run_row_passes(Check& check) {
  name_files(check);
  for (std::size_t i = kFirstRowPass; i < kPasses.size(); ++i) TRY_VOID(run_pass(check, i));
  return {};
}

Result<CheckResult> run_check(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                              const CheckOptions& options, Report& report, Progress& progress,
                              const Answers* answers) {
  Check check{.options = options, .report = report, .progress = progress, .devices = std::move(devices)};
  Result<CheckResult> result = check_and_repair(check, answers);
  report.flush();
  report.name_files_by({});
  return result;
}

Result<Salvaged> run_salvage(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                             const CheckOptions& options, Report& report, Progress& progress,
                             const std::string& into) {
  Check check{.options = options, .report = report, .progress = progress, .devices = std::move(devices)};
  TRY_VOID(run_pass(check, 0));
  if (!report.fatal()) TRY_VOID(run_pass(check, 1));
  return salvage(check, into);
}

Status for_each_row(meta::IndexReader& reader, const std::function<Status(const meta::Changes&)>& visit) {
  TRY_VOID(reader.begin());
  Status status;
  meta::IndexReader::Cursor cursor;
  for (bool more = true; more && status.ok();) {
    meta::Changes rows;
    Result<bool> scanned = reader.scan(cursor, kScanBytes, rows);
    more = scanned.ok() && *scanned;
    status = scanned.ok() ? visit(rows) : Status(scanned.error());
  }
  Status ended = reader.end();
  return status.ok() ? std::move(ended) : std::move(status);
}

}  // namespace ciaos::fsck
