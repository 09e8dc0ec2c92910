#include "tools/fsck/check.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tools/fsck/paths.h"

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

Status run_passes(Check& check) {
  for (std::size_t i = 0; i < kPasses.size(); ++i) {
    if (check.options.headings) check.report.say(fmt::format("Pass {}: {}", i + 1, kPasses[i].subject));
    check.progress.begin(static_cast<int>(i + 1), 1);
    TRY_VOID(kPasses[i].run(check));
    check.progress.end();
    check.report.flush();
    if (check.report.fatal()) return {};
    if (i == 0 && check.options.quick && check.report.errors() == 0) {
      check.clean_at_a_glance = TRY(looks_clean(check));
      if (check.clean_at_a_glance) return {};
    }
    if (i == 1) {
      check.report.name_files_by(
          [&check](const std::set<InodeId>& inodes) { return paths_of(*check.rows, inodes); });
    }
  }
  return {};
}

}  // namespace

Result<CheckResult> run_check(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                              const CheckOptions& options, Report& report, Progress& progress) {
  Check check{.options = options, .report = report, .progress = progress, .devices = std::move(devices)};
  const Status status = run_passes(check);
  report.flush();
  report.name_files_by({});
  if (!status.ok()) return status.error();
  return CheckResult{check.totals, check.superblock, check.clean_at_a_glance};
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
