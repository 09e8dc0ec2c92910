// What the volumes alone stand for: the newest snapshot, and the log behind it, in an index of our own.
//
// A damaged snapshot need not be the end: the whole log may still be there, or an index that belongs to it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "meta/snapshot.h"
#include "store/log_reader.h"
#include "tools/fsck/check.h"
#include "tools/fsck/own_index.h"
#include "tools/fsck/replay.h"

namespace ciaos::fsck {
namespace {

using meta::Index;

Result<std::unique_ptr<Index>> empty_index(Check& check, const char* name) {
  check.rows_directory = fmt::format("{}/{}", check.scratch->path(), name);
  return Index::open(check.rows_directory, check.superblock.uuid, Index::Mode::open_or_create);
}

// The error is the snapshot's; `failed` is the check's own.
Result<TxnRef> load_snapshot(Check& check, const NeedlePlace& last, Index& index, Status& failed) {
  store::VolumeSet& volumes = *check.volumes;
  const Uuid& uuid = check.superblock.uuid;
  const store::WholeNeedle end = TRY(store::read_needle(volumes, uuid, last));
  if (end.header.kind != store::NeedleKind::snapshot) return fail(EUCLEAN, "it is no snapshot needle");
  const meta::SnapshotDirectory directory = TRY(meta::decode_snapshot_directory(end.payload));
  TRY_VOID(store::check_txn(volumes, uuid, directory.state));
  DigestStream digest;
  for (std::size_t i = 0; i < directory.pieces.size(); ++i) {
    const store::WholeNeedle piece = TRY(store::read_needle(volumes, uuid, directory.pieces[i]));
    if (piece.header.kind != store::NeedleKind::snapshot || piece.header.inode.value() != i) {
      return fail(EUCLEAN, fmt::format("piece {} is another needle", i));
    }
    digest.update(piece.payload);
    const meta::Changes rows = TRY(meta::decode_snapshot_piece(piece.payload));
    failed = check.progress.step(0);
    if (failed.ok()) failed = index.load(rows);
    if (!failed.ok()) return failed.error();
  }
  if (digest.value() != directory.digest) return fail(EUCLEAN, "its pieces do not have the digest it names");
  failed = index.finish_load(directory.state);
  if (!failed.ok()) return failed.error();
  return directory.state;
}

// Fills check.index from the snapshot; nullopt if there is none that can be used.
Result<std::optional<TxnRef>> begin_with_snapshot(Check& check) {
  if (!check.superblock.snapshot) return std::optional<TxnRef>();
  const NeedlePlace& last = *check.superblock.snapshot;
  check.index = TRY(empty_index(check, "snapshot"));
  Status failed;
  Result<TxnRef> state = load_snapshot(check, last, *check.index, failed);
  if (state.ok()) return std::optional(*state);
  if (!failed.ok() && failed.code() != EUCLEAN) return std::move(failed).error();
  check.report.add({.problem = Problem::snapshot_damaged,
                    .volume = last.at.volume,
                    .offset = last.at.offset,
                    .what = to_string(state.error())});
  return std::optional<TxnRef>();
}

Result<Replay> replay_from_start(Check& check) {
  check.index = TRY(empty_index(check, "log"));
  TxnRef start;
  start.resume = check.superblock.log_start;
  return replay(*check.volumes, check.superblock.uuid, start, check.index.get(), check.progress);
}

// Nullopt: there is no index that belongs to this log.
Result<std::optional<Replay>> replay_from_own_index(Check& check) {
  OwnIndexOpened opened = TRY(open_own_index(check, OwnIndexAccess::copy));
  if (!opened.own) return std::optional<Replay>();
  check.index = std::move(opened.own->index);
  check.rows_directory = opened.own->directory;
  check.rows_from_index = true;
  check.report.add({.problem = Problem::log_only_in_index, .name = check.index_directory});
  return std::optional(TRY(
      replay(*check.volumes, check.superblock.uuid, opened.own->applied, check.index.get(), check.progress)));
}

Result<Replay> replay_from_best(Check& check) {
  if (const auto state = TRY(begin_with_snapshot(check))) {
    return replay(*check.volumes, check.superblock.uuid, *state, check.index.get(), check.progress);
  }
  Replay whole = TRY(replay_from_start(check));
  if (whole.first.value() == 1 && whole.end.sequence >= check.superblock.log_reached) return whole;
  if (auto rest = TRY(replay_from_own_index(check))) return std::move(*rest);
  if (whole.first.value() == 1) return whole;
  const std::string why = whole.stopped ? whole.stopped->what : "batch 1 is not where the superblock says";
  whole.stopped = Finding{.problem = Problem::log_start_missing, .what = why};
  return whole;
}

}  // namespace

Status pass2_log(Check& check) {
  if (!check.scratch) check.scratch = TRY(ScratchFolder::make(check.options.scratch_directory));
  Replay log = TRY(replay_from_best(check));
  check.log_end = log.end;
  check.highest_epoch = std::max(log.highest_epoch, log.end.epoch);
  check.totals.batches = log.batches;
  if (log.highest_epoch > check.superblock.epoch) {
    check.report.add({.problem = Problem::epoch_above_superblock,
                      .offset = log.end.sequence.value(),
                      .found = log.highest_epoch.value(),
                      .expected = check.superblock.epoch.value()});
  }
  if (log.torn_tail) check.report.add({.problem = Problem::torn_tail, .found = log.end.sequence.value()});
  if (!log.stopped && log.end.sequence < check.superblock.log_reached) {
    log.stopped = Finding{.problem = Problem::log_damaged,
                          .found = log.end.sequence.value(),
                          .what = fmt::format("the superblocks say that it had come to batch {}",
                                              check.superblock.log_reached.value())};
  }
  if (log.stopped) check.report.add(std::move(*log.stopped));
  check.rows.emplace(TRY(check.index->reader()));
  return {};
}

}  // namespace ciaos::fsck
