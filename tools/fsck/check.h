// One check of one store: what the passes hand on to each other, and the order in which they run.
//
//   pass 1  superblocks: each copy by itself, then the devices together
//   pass 2  log: snapshot and replay give the rows that the volumes alone stand for
//   pass 3  index: belongs to this log, and adds up to the same rows
//   pass 4  names and links
//   pass 5  extents and the needles they name
//   pass 6  accounting
//
// A pass says through the report what is wrong with the store; the Status it returns is about the check itself (no
// room for scratch, a signal), which then ends. After a fatal problem the later passes have nothing to stand on and
// are left out. Passes write nothing to the store; repair.h says what is done about what they find.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meta/index.h"
#include "store/volume_set.h"
#include "tools/fsck/answers.h"
#include "tools/fsck/progress.h"
#include "tools/fsck/report.h"
#include "tools/fsck/scratch.h"

namespace ciaos::fsck {

struct CheckOptions {
  bool check_data = false;  // read and verify every payload
  bool quick = false;       // -p without -f: believe an index that belongs to the log, if nothing looks wrong
  bool headings = true;
  bool rebuild_index = false;     // build a new index even where nothing is wrong with it
  std::string index_directory;    // empty: where the superblock says
  std::string scratch_directory;  // empty: $TMPDIR or /var/tmp
};

struct CheckTotals {
  std::uint64_t batches = 0;  // replayed
  std::uint64_t inodes = 0;
  std::uint64_t directories = 0;
  std::uint64_t names = 0;
  std::uint64_t extents = 0;
  std::uint64_t needles = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t verified_bytes = 0;  // payloads read with check_data
};

struct Check {
  const CheckOptions& options;
  Report& report;
  Progress& progress;
  bool rows_only = false;  // passes 4 to 6 over rows as they would be; needles are not looked at

  std::vector<std::unique_ptr<store::StoreDevice>> devices = {};  // until pass 1 makes a set of them
  std::shared_ptr<store::VolumeSet> volumes = {};                 // after pass 1, or given
  store::Superblock superblock = {};                              // after pass 1
  std::string index_directory = {};                               // after pass 1
  std::optional<ScratchFolder> scratch = {};                      // after pass 2
  TxnRef log_end = {};                                            // after pass 2
  Epoch highest_epoch = {};                                       // after pass 2: in the log
  bool rows_from_index = false;                // after pass 2: nothing but the index could be built on
  std::string rows_directory = {};             // after pass 2: where `index` is
  std::shared_ptr<meta::Index> index = {};     // after pass 2: in scratch, what the log adds up to
  std::optional<meta::IndexReader> rows = {};  // after pass 2: of `index`
  InodeId highest_inode = {};                  // after pass 5: of any row, so that higher numbers are free
  CheckTotals totals = {};
  bool clean_at_a_glance = false;  // a quick check was enough
};

Status pass1_superblocks(Check& check);
Status pass2_log(Check& check);
Status pass3_index(Check& check);
Status pass4_names(Check& check);
Status pass5_extents(Check& check);
Status pass6_accounting(Check& check);

struct Salvaged;

// All of them, in order.
Status run_passes(Check& check);
// Those that look at rows alone, over rows that were changed since.
Status run_row_passes(Check& check);

// Whether the store was closed, and nothing was written since: its index holds all that the log does.
Result<bool> looks_clean(Check& check);

// All of it. `devices` are open already; for repairs, for writing.
struct CheckResult {
  CheckTotals totals;
  store::Superblock superblock;
  bool clean_at_a_glance = false;
  std::uint64_t corrected = 0;
  std::uint64_t left = 0;  // errors that are still there
  bool index_rebuilt = false;
};
// Without answers nothing on the store is written.
Result<CheckResult> run_check(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                              const CheckOptions& options, Report& report, Progress& progress,
                              const Answers* answers = nullptr);

// Passes 1 and 2 alone, and then everything that can be read is copied to `into`; see salvage.h.
Result<Salvaged> run_salvage(std::vector<std::unique_ptr<store::StoreDevice>> devices,
                             const CheckOptions& options, Report& report, Progress& progress,
                             const std::string& into);

// Every row of every table, in pieces, in one read transaction.
Status for_each_row(meta::IndexReader& reader, const std::function<Status(const meta::Changes&)>& visit);

}  // namespace ciaos::fsck
