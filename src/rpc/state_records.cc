#include "rpc/state_records.h"

#include <fmt/format.h>

#include <algorithm>

namespace ciaos::rpc {
namespace {

const char* name_of_state(meta::VolumeState state) {
  switch (state) {
    case meta::VolumeState::open: return "open";
    case meta::VolumeState::sealed: return "sealed";
    case meta::VolumeState::free: return "free";
  }
  return "unknown";
}

const char* name_of_kind(store::NeedleKind kind) {
  switch (kind) {
    case store::NeedleKind::data: return "data";
    case store::NeedleKind::txn: return "txn";
    case store::NeedleKind::snapshot: return "snapshot";
  }
  return "unknown";
}

std::string text_of_time(const Timestamp& time) {
  return fmt::format("{}.{:09}", time.seconds, time.nanoseconds);
}

Record store_record(const engine::StoreState& state, bool read_only) {
  Record record{"store", {}};
  record.add("uuid", to_string(state.uuid)).add("label", state.label);
  std::string devices;
  for (const std::string& device : state.devices) devices += (devices.empty() ? "" : " ") + device;
  return record.add("devices", devices)
      .add("index", state.index_directory)
      .add_truth("read_only", read_only)
      .add("epoch", state.epoch.value())
      .add("version", std::string(CIAOS_VERSION));
}

Record space_record(engine::Engine& engine, const engine::StoreState& state,
                    const std::vector<engine::VolumeInfo>& volumes) {
  const engine::FilesystemStatistics space = engine.statfs();
  std::uint64_t live = 0;
  std::uint64_t garbage = 0;
  std::uint64_t held = 0;
  std::uint64_t open = 0;
  for (const engine::VolumeInfo& volume : volumes) {
    live += volume.usage.bytes;
    garbage += volume.garbage_bytes;
    held += volume.held_bytes;
    open += volume.usage.row.state == meta::VolumeState::open ? 1 : 0;
  }
  return Record{"space", {}}
      .add("total_bytes", space.bytes_total)
      .add("free_bytes", space.bytes_free)
      .add("live_bytes", live)
      .add("garbage_bytes", garbage)
      .add("held_bytes", held)
      .add("inodes", space.inodes)
      .add("volumes", volumes.size())
      .add("volumes_open", open)
      .add("volume_bytes", state.volume_bytes);
}

Record log_record(const engine::StoreState& state, const store::WriterStats& writer) {
  return Record{"log", {}}
      .add("open_batch", state.open_batch.value())
      .add("durable_batch", state.durable_batch.value())
      .add("applied_batch", state.applied_batch.value())
      .add("commits", writer.commits)
      .add("syncs", writer.syncs)
      .add("sync_ns", writer.sync_ns)
      .add("needles", writer.needles)
      .add("appended_bytes", writer.bytes_appended)
      .add("written_bytes", writer.bytes_written)
      .add("index_wal_bytes", state.index_wal_bytes);
}

// About the live bytes that a round under way has left behind: of the volume it is in, in proportion.
std::uint64_t passed_bytes(const engine::ScrubStats& scrub, const engine::StoreState& state,
                           const std::vector<engine::VolumeInfo>& volumes) {
  std::uint64_t passed = 0;
  for (const engine::VolumeInfo& volume : volumes) {
    if (volume.usage.volume < scrub.at.volume) passed += volume.usage.bytes;
    if (volume.usage.volume != scrub.at.volume || state.volume_bytes == 0) continue;
    const double share = static_cast<double>(std::min(scrub.at.offset, state.volume_bytes)) /
                         static_cast<double>(state.volume_bytes);
    passed += static_cast<std::uint64_t>(share * static_cast<double>(volume.usage.bytes));
  }
  return passed;
}

Record upkeep_record(const engine::Statistics& all, const engine::StoreState& state,
                     const std::vector<engine::VolumeInfo>& volumes) {
  Record record{"upkeep", {}};
  record.add("scrub_rounds", all.scrub.rounds)
      .add("scrub_read_bytes", all.scrub.read_bytes)
      .add("scrub_repairs", all.scrub.repairs)
      .add("volumes_emptied", all.compaction.volumes_emptied)
      .add("moved_bytes", all.compaction.moved_bytes)
      .add("punched_bytes", all.compaction.punched_bytes)
      .add("volumes_freed", all.volumes_freed)
      .add("snapshots_written", all.snapshots_written)
      .add("batches_replayed", all.batches_replayed)
      .add_truth("index_rebuilt", all.index_rebuilt)
      .add("reclaimable_bytes", all.compaction.reclaimable_bytes)
      .add("scrub_round_began",
           static_cast<std::uint64_t>(std::max<std::int64_t>(0, all.scrub.round_began_seconds)))
      .add_truth("scrubbing", all.scrub.in_round)
      .add_truth("emptying", all.compaction.emptying);
  if (all.scrub.in_round)
    record.add("scrub_volume", all.scrub.at.volume.value())
        .add("scrub_passed_bytes", passed_bytes(all.scrub, state, volumes));
  if (all.compaction.emptying)
    record.add("emptying_volume", all.compaction.emptying_volume.value())
        .add("emptying_done_bytes", all.compaction.emptying_done_bytes)
        .add("emptying_bytes", all.compaction.emptying_bytes);
  return record;
}

}  // namespace

Result<Records> state_records(engine::Engine& engine) {
  const engine::StoreState state = engine.inspection().store();
  const engine::Statistics all = engine.statistics();
  const std::vector<engine::VolumeInfo> volumes = TRY(engine.inspection().volumes());
  Records records;
  Record& health = records.emplace_back(Record{"health", {}});
  const bool read_only = engine.read_only();
  const std::uint64_t damaged = all.scrub.damaged;
  const std::string verdict = !state.failure.empty() ? "failed" : damaged > 0 ? "damaged" : "ok";
  health.add("state", verdict).add("failure", state.failure).add("damaged", damaged);
  health.add("reads_damaged", all.reader.damaged);
  records.push_back(store_record(state, read_only));
  records.push_back(space_record(engine, state, volumes));
  records.push_back(log_record(state, all.writer));
  records.push_back(Record{"caches", {}}
                        .add("inodes", all.inodes_cached)
                        .add("inode_and_name_bytes", all.cache_bytes)
                        .add("inode_and_name_bytes_max", all.cache_bytes_max)
                        .add("dirty_bytes", all.dirty_bytes)
                        .add("open_files", all.open_files)
                        .add("twins_begun", all.twins.begun)
                        .add("twins", all.twins.whole)
                        .add("twin_bytes", all.twins.whole_bytes)
                        .add("index_reads", all.index_reads)
                        .add("index_read_ns", all.index_read_ns)
                        .add("header_hits", all.reader.header_cache_hits));
  records.push_back(Record{"reads", {}}
                        .add("device_reads", all.reader.device_reads)
                        .add("device_read_bytes", all.reader.device_read_bytes)
                        .add("device_read_ns", all.reader.device_read_ns)
                        .add("verify_ns", all.reader.verify_ns)
                        .add("reads_ahead", all.reader.reads_ahead)
                        .add("reads_ahead_wanted", all.reader.reads_ahead_wanted));
  records.push_back(upkeep_record(all, state, volumes));
  return records;
}

Record volume_record(const engine::VolumeInfo& volume) {
  return Record{"volume", {}}
      .add("volume", volume.usage.volume.value())
      .add("generation", volume.usage.row.generation.value())
      .add("state", std::string(name_of_state(volume.usage.row.state)))
      .add("extents", volume.usage.extents)
      .add("live_bytes", volume.usage.bytes)
      .add("garbage_bytes", volume.garbage_bytes)
      .add("held_bytes", volume.held_bytes)
      .add("device", volume.device)
      .add("device_offset", volume.device_offset)
      .add("damaged", volume.damaged_places)
      .add_truth("missing", volume.missing);
}

Record without_places(Record record) {
  constexpr std::string_view kPlaces[] = {"devices", "index", "failure", "device", "device_offset"};
  std::erase_if(record.fields, [&](const Field& field) {
    return std::ranges::find(kPlaces, field.name) != std::end(kPlaces);
  });
  return record;
}

Record inode_record(const engine::Attributes& a) {
  return Record{"inode", {}}
      .add("inode", a.inode.value())
      .add("mode", a.mode)
      .add("uid", a.uid)
      .add("gid", a.gid)
      .add("links", a.links)
      .add("size", a.size)
      .add("stored_bytes", a.blocks512 * 512)
      .add("flags", a.flags)
      .add("change", a.change)
      .add("accessed", text_of_time(a.accessed))
      .add("modified", text_of_time(a.modified))
      .add("changed", text_of_time(a.changed))
      .add("born", text_of_time(a.born));
}

// Values are anybody's bytes, and may be large: of each its name and length.
Record attribute_record(const std::string& name, const std::string& value) {
  return Record{"attribute", {}}.add("name", name).add("bytes", value.size());
}

Record extent_record(const engine::ExtentPlace& place) {
  const meta::Extent& extent = place.extent;
  Record record{"extent", {}};
  record.add("offset", extent.offset).add("length", extent.row.length);
  record.add_truth("reserved", place.reserved);
  if (place.reserved) return record;
  return record.add("volume", extent.row.needle.at.volume.value())
      .add("generation", extent.row.needle.at.generation.value())
      .add("needle", extent.row.needle.at.offset)
      .add("payload_offset", extent.row.payload_offset)
      .add("payload_bytes", extent.row.needle.payload_bytes)
      .add("header_crc", fmt::format("{:08x}", extent.row.needle.header_crc))
      .add("device", place.device)
      .add("device_offset", place.device_offset);
}

Record quota_record(const engine::QuotaState& quota) {
  return Record{"quota", {}}
      .add("path", quota.path)
      .add("inode", quota.root.value())
      .add("bytes", quota.row.bytes)
      .add("bytes_max", quota.row.bytes_max)
      .add("files", quota.row.files)
      .add("files_max", quota.row.files_max);
}

Record needle_record(const engine::NeedleState& needle) {
  const store::NeedleHeader& header = needle.header;
  return Record{"needle", {}}
      .add("kind", std::string(name_of_kind(header.kind)))
      .add("volume", header.at.volume.value())
      .add("generation", header.at.generation.value())
      .add("offset", header.at.offset)
      .add("payload_bytes", header.payload_bytes)
      .add("end", header.end())
      .add("epoch", header.epoch.value())
      .add("batch", header.sequence.value())
      .add("inode", header.inode.value())
      .add("file_offset", header.file_offset)
      .add("header_crc", fmt::format("{:08x}", header.header_crc))
      .add("checksums", header.payload_crcs.size())
      .add("payload", needle.payload.ok() ? std::string("verified") : to_string(needle.payload.error()))
      .add("device", needle.device)
      .add("device_offset", needle.device_offset);
}

Record row_record(InodeId inode, const meta::Extent& extent) {
  return Record{"named_by", {}}
      .add("inode", inode.value())
      .add("offset", extent.offset)
      .add("length", extent.row.length)
      .add("payload_offset", extent.row.payload_offset);
}

}  // namespace ciaos::rpc
