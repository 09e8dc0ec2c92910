#include "rpc/metrics.h"

#include <fmt/format.h>

#include "rpc/operation_records.h"

namespace ciaos::rpc {
namespace {

enum class Unit { plain, seconds };  // seconds: the field has nanoseconds

struct Metric {
  const char* name = nullptr;
  const char* type = nullptr;
  const char* help = nullptr;
  const char* kind = nullptr;
  const char* field = nullptr;
  Unit unit = Unit::plain;
};

constexpr Metric kMetrics[] = {
    {"ciaosfs_damaged_places", "gauge", "Places in files that cannot be read.", "health", "damaged"},
    {"ciaosfs_damaged_reads_total", "counter", "Reads that met damage.", "health", "reads_damaged"},
    {"ciaosfs_epoch", "gauge", "How often the store was opened for writing.", "store", "epoch"},
    {"ciaosfs_space_bytes", "gauge", "What the store can hold.", "space", "total_bytes"},
    {"ciaosfs_space_free_bytes", "gauge", "What can still be written.", "space", "free_bytes"},
    {"ciaosfs_live_bytes", "gauge", "Bytes of files in volumes.", "space", "live_bytes"},
    {"ciaosfs_garbage_bytes", "gauge", "What emptying volumes would give back.", "space", "garbage_bytes"},
    {"ciaosfs_held_bytes", "gauge", "What volumes take of their devices.", "space", "held_bytes"},
    {"ciaosfs_inodes", "gauge", "Files, directories and others.", "space", "inodes"},
    {"ciaosfs_volumes", "gauge", "Volumes that hold something.", "space", "volumes"},
    {"ciaosfs_batch_durable", "gauge", "The newest batch on stable storage.", "log", "durable_batch"},
    {"ciaosfs_batch_applied", "gauge", "The newest batch in the index.", "log", "applied_batch"},
    {"ciaosfs_commits_total", "counter", "Batches made durable.", "log", "commits"},
    {"ciaosfs_syncs_total", "counter", "Syncs of devices.", "log", "syncs"},
    {"ciaosfs_sync_seconds_total", "counter", "Waited for them.", "log", "sync_ns", Unit::seconds},
    {"ciaosfs_needles_total", "counter", "Needles appended.", "log", "needles"},
    {"ciaosfs_appended_bytes_total", "counter", "Bytes of needles.", "log", "appended_bytes"},
    {"ciaosfs_written_bytes_total", "counter", "Bytes given to devices.", "log", "written_bytes"},
    {"ciaosfs_index_wal_bytes", "gauge", "Not yet in the index's database.", "log", "index_wal_bytes"},
    {"ciaosfs_cached_inodes", "gauge", "Inodes in memory.", "caches", "inodes"},
    {"ciaosfs_cache_bytes", "gauge", "Memory of inodes and names.", "caches", "inode_and_name_bytes"},
    {"ciaosfs_dirty_bytes", "gauge", "Written, and in no volume yet.", "caches", "dirty_bytes"},
    {"ciaosfs_open_files", "gauge", "Files that are open.", "caches", "open_files"},
    {"ciaosfs_twins", "gauge", "Large files that the kernel may read by itself.", "caches", "twins"},
    {"ciaosfs_twin_bytes", "gauge", "Bytes of them.", "caches", "twin_bytes"},
    {"ciaosfs_index_reads_total", "counter", "Questions to the index.", "caches", "index_reads"},
    {"ciaosfs_index_read_seconds_total", "counter", "What they took.", "caches", "index_read_ns",
     Unit::seconds},
    {"ciaosfs_header_cache_hits_total", "counter", "Needle headers found in memory.", "caches",
     "header_hits"},
    {"ciaosfs_device_reads_total", "counter", "Reads of devices.", "reads", "device_reads"},
    {"ciaosfs_device_read_bytes_total", "counter", "Bytes of them.", "reads", "device_read_bytes"},
    {"ciaosfs_device_read_seconds_total", "counter", "What they took.", "reads", "device_read_ns",
     Unit::seconds},
    {"ciaosfs_verify_seconds_total", "counter", "Spent on checksums of reads.", "reads", "verify_ns",
     Unit::seconds},
    {"ciaosfs_reads_ahead_total", "counter", "Reads of devices before somebody asked.", "reads",
     "reads_ahead"},
    {"ciaosfs_reads_ahead_wanted_total", "counter", "Of these, that somebody did.", "reads",
     "reads_ahead_wanted"},
    {"ciaosfs_scrub_rounds_total", "counter", "Rounds of the scrubber.", "upkeep", "scrub_rounds"},
    {"ciaosfs_scrub_read_bytes_total", "counter", "Bytes it read.", "upkeep", "scrub_read_bytes"},
    {"ciaosfs_scrub_repairs_total", "counter", "Repairs it made.", "upkeep", "scrub_repairs"},
    {"ciaosfs_volumes_emptied_total", "counter", "Volumes emptied.", "upkeep", "volumes_emptied"},
    {"ciaosfs_moved_bytes_total", "counter", "Moved out of them.", "upkeep", "moved_bytes"},
    {"ciaosfs_punched_bytes_total", "counter", "Given back in place.", "upkeep", "punched_bytes"},
    {"ciaosfs_volumes_freed_total", "counter", "Volumes given back.", "upkeep", "volumes_freed"},
    {"ciaosfs_snapshots_written_total", "counter", "Snapshots of the index.", "upkeep", "snapshots_written"},
};

// Bounds of the histogram: every second power of two nanoseconds, from one microsecond to seventeen seconds.
constexpr std::size_t kFirstBucket = 0;
constexpr std::size_t kBucketStep = 8;
constexpr std::size_t kLastBucket = 96;

const Record* record_of_kind(const Records& records, std::string_view kind) {
  for (const Record& record : records) {
    if (record.kind == kind) return &record;
  }
  return nullptr;
}

std::string head_of(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

std::string text_of_seconds(std::uint64_t nanoseconds) {
  return fmt::format("{}", static_cast<double>(nanoseconds) / 1e9);
}

std::string histogram_of(const std::string& operation, const OperationTotals& totals) {
  const std::string labels = fmt::format("operation=\"{}\"", operation);
  std::string text;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) {
    below += totals.buckets[i];
    if (i < kFirstBucket || i > kLastBucket || (i - kFirstBucket) % kBucketStep != 0) continue;
    text += fmt::format("ciaosfs_operation_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                        text_of_seconds(latency_bucket_end(i)), below);
  }
  text += fmt::format("ciaosfs_operation_seconds_bucket{{{},le=\"+Inf\"}} {}\n", labels, below);
  text +=
      fmt::format("ciaosfs_operation_seconds_sum{{{}}} {}\n", labels, text_of_seconds(totals.nanoseconds));
  text += fmt::format("ciaosfs_operation_seconds_count{{{}}} {}\n", labels, below);
  return text;
}

}  // namespace

std::string metrics_text(const Records& records) {
  std::string text;
  if (const Record* store = record_of_kind(records, "store")) {
    text += head_of("ciaosfs_info", "gauge", "Which store and which program.");
    text += fmt::format("ciaosfs_info{{uuid=\"{}\",version=\"{}\"}} 1\n", store->text("uuid"),
                        store->text("version"));
    text += head_of("ciaosfs_read_only", "gauge", "Whether the store is only read.");
    text += fmt::format("ciaosfs_read_only {}\n", store->truth("read_only") ? 1 : 0);
  }
  if (const Record* health = record_of_kind(records, "health")) {
    text += head_of("ciaosfs_takes_changes", "gauge", "0 after a write or a sync has failed.");
    text += fmt::format("ciaosfs_takes_changes {}\n", health->text("state") == "failed" ? 0 : 1);
  }
  for (const Metric& metric : kMetrics) {
    const Record* record = record_of_kind(records, metric.kind);
    if (record == nullptr || record->find(metric.field) == nullptr) continue;
    const std::uint64_t value = record->number(metric.field);
    text += head_of(metric.name, metric.type, metric.help);
    text += fmt::format("{} {}\n", metric.name,
                        metric.unit == Unit::seconds ? text_of_seconds(value) : std::to_string(value));
  }
  std::string seconds;
  std::string bytes;
  for (const Record& record : records) {
    if (record.kind != "operation") continue;
    seconds += histogram_of(record.text("name"), totals_of(record));
    bytes += fmt::format("ciaosfs_operation_bytes_total{{operation=\"{}\"}} {}\n", record.text("name"),
                         record.number("bytes"));
  }
  if (seconds.empty()) return text;
  return text + head_of("ciaosfs_operation_seconds", "histogram", "How long requests of the kernel took.") +
         seconds + head_of("ciaosfs_operation_bytes_total", "counter", "Bytes read, written and listed.") +
         bytes;
}

}  // namespace ciaos::rpc
