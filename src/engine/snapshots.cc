// Writing a snapshot: the rows of the index as of one batch, in needles, while batches go on.
#include <array>

#include "engine/maintenance.h"
#include "meta/snapshot.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;  // of records, before compression

// One needle of the snapshot, in whatever batch is open. A full store takes it from the room that is kept for it. ENOSPC.
Result<NeedlePlace> append_piece(Core& core, std::uint64_t number, ByteSpan payload) {
  core.writer->throttle();
  const std::uint64_t promised = store::needle_bytes_bound(payload.size());
  TRY_VOID(core.pool->reserve_for_snapshot(promised));
  Result<NeedlePlace> place = fail(EIO);
  {
    Gate::Pass pass(core.gate);
    const std::array<ByteSpan, 1> parts{payload};
    place = core.writer->append({store::NeedleKind::snapshot, InodeId(number), 0}, parts);
  }
  core.pool->release(promised);
  return place;
}

}  // namespace

Status Maintenance::write_pieces() {
  meta::IndexReader reader = TRY(core_.index->reader());
  TRY_VOID(reader.begin());
  const std::optional<TxnRef> state = TRY(reader.applied());
  if (!state) return fail(EUCLEAN, "an index without a position");
  const std::uint64_t logged_at = core_.logged_total();
  meta::SnapshotDirectory directory;
  directory.state = *state;
  DigestStream digest;
  SnapshotState done;
  meta::IndexReader::Cursor cursor;
  const std::size_t piece_bytes = std::min<std::size_t>(kPieceBytes, core_.log_limits.data_payload_bytes_max);
  while (true) {
    meta::Changes rows;
    const bool more = TRY(reader.scan(cursor, piece_bytes, rows));
    if (!rows.empty()) {
      const ByteVector payload = meta::encode_snapshot_piece(rows);
      digest.update(payload);
      directory.bytes += payload.size();
      directory.pieces.push_back(TRY(append_piece(core_, directory.pieces.size(), payload)));
      done.volumes.insert(directory.pieces.back().at.volume);
    }
    if (!more) break;
  }
  TRY_VOID(reader.end());
  directory.digest = digest.value();
  const ByteVector last = meta::encode_snapshot_directory(directory);
  const NeedlePlace place = TRY(append_piece(core_, directory.pieces.size(), last));
  const Sequence batch = core_.committer->open_sequence();  // its own, or a later one
  done.volumes.insert(place.at.volume);
  // Only what is durable may be named by the superblocks; only then is the one before it garbage.
  TRY_VOID(core_.committer->commit_through(batch));
  const Status named =
      core_.volumes->update_superblocks(std::nullopt, place, core_.committer->durable_sequence());
  if (!named.ok()) {
    // Some device may name it already: neither it nor the one before may be lost now.
    core_.committer->fail_store(named.error());
    return named;
  }
  done.sequence = state->sequence;
  done.bytes = directory.bytes + last.size();
  done.checkpoint = core_.snapshot.checkpoint;
  core_.snapshot = done;
  core_.snapshot_logged_at = logged_at;
  ++core_.snapshots_written;
  return {};
}

}  // namespace ciaos::engine
