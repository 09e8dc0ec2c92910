#include "rpc/control.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/log.h"
#include "engine/inspection.h"
#include "rpc/load_batch.h"
#include "rpc/memory_file.h"
#include "rpc/metrics.h"
#include "rpc/protocol.h"
#include "rpc/state_records.h"

namespace ciaos::rpc {
namespace {

using engine::Engine;
using engine::Inspection;

// What fits a packet: as many records, and of those whose paths are long only so many bytes.
constexpr std::size_t kRecordsPerAnswer = 100;
constexpr std::size_t kRecordBytesPerAnswer = kPacketBytesMax / 2;
constexpr std::size_t kFieldBytes = 64;
constexpr std::size_t kPlacesMax = 1u << 20;
constexpr std::string_view kLimitOfBytes = "trusted.ciaos.quota.bytes";
constexpr std::string_view kLimitOfFiles = "trusted.ciaos.quota.files";

struct Asked {
  Engine& engine;
  const DaemonSide& daemon;
  const Question& question;
  int memory;

  Inspection& inspection() const { return engine.inspection(); }
};

// What a question is about, pinned while it is answered.
class Subject {
 public:
  static Result<Subject> find(const Asked& asked) {
    // By number: as a mount showed it a moment ago. It is somebody else's pin that keeps it, if anybody's.
    if (asked.question.inode != 0) return Subject(asked.engine, InodeId(asked.question.inode), false);
    InodeId at = kRootInode;
    bool pinned = false;
    for (std::string_view rest = asked.question.path; !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (name.empty() || name == ".") continue;
      const auto next = name == ".." ? Result<engine::Attributes>(fail(EINVAL, "\"..\" in a path"))
                                     : asked.engine.lookup(at, name);
      if (pinned) asked.engine.forget(at, 1);
      if (!next.ok()) return with_context(next.error(), asked.question.path);
      at = next->inode;
      pinned = true;
    }
    return Subject(asked.engine, at, pinned);
  }
  Subject(Subject&& other) noexcept
      : engine_(other.engine_), inode_(other.inode_), pinned_(std::exchange(other.pinned_, false)) {}
  Subject& operator=(Subject&&) = delete;
  ~Subject() {
    if (pinned_) engine_.forget(inode_, 1);
  }
  InodeId inode() const { return inode_; }

 private:
  Subject(Engine& engine, InodeId inode, bool pinned) : engine_(engine), inode_(inode), pinned_(pinned) {}
  Engine& engine_;
  InodeId inode_;
  bool pinned_;
};

Result<Answer> on_status(const Asked& asked) {
  Answer answer{.records = TRY(state_records(asked.engine))};
  if (asked.daemon.mount) answer.records.push_back(asked.daemon.mount());
  return answer;
}

std::size_t bytes_of(const Record& record) {
  std::size_t bytes = kFieldBytes;
  for (const Field& field : record.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    bytes += kFieldBytes + field.name.size() + (text == nullptr ? 0 : text->size());
  }
  return bytes;
}

bool is_full(const Records& records) {
  std::size_t bytes = 0;
  for (const Record& record : records) bytes += bytes_of(record);
  return records.size() >= kRecordsPerAnswer || bytes >= kRecordBytesPerAnswer;
}

// Records of a list from `question.from` on, as many as one answer holds.
template <typename List, typename ToRecord>
Answer page_of(const Asked& asked, const List& list, ToRecord&& to_record) {
  Answer answer;
  for (std::uint64_t i = asked.question.from; i < list.size(); ++i) {
    if (is_full(answer.records)) {
      answer.more = true;
      answer.next = i;
      break;
    }
    answer.records.push_back(to_record(list[i]));
  }
  return answer;
}

Result<Answer> on_volumes(const Asked& asked) {
  return page_of(asked, TRY(asked.inspection().volumes()), volume_record);
}

Result<Answer> on_info(const Asked& asked) {
  const Subject subject = TRY(Subject::find(asked));
  const engine::Attributes attributes = TRY(asked.engine.getattr(subject.inode()));
  Answer answer;
  if (asked.question.from == 0) {
    Record& inode = answer.records.emplace_back(inode_record(attributes));
    inode.add("quota_root", TRY(asked.inspection().tree_of(subject.inode())).value());
    inode.add("buffered_bytes", TRY(asked.inspection().buffered_bytes(subject.inode())));
    const engine::Caller root;
    for (const std::string& name : TRY(asked.engine.listxattr(root, subject.inode()))) {
      const auto value = asked.engine.getxattr(subject.inode(), name);
      if (is_full(answer.records)) break;
      if (value.ok()) answer.records.emplace_back(attribute_record(name, *value));
    }
  }
  if (!S_ISREG(attributes.mode)) return answer;
  const auto rows = TRY(asked.inspection().extents(subject.inode(), asked.question.from, kRecordsPerAnswer));
  answer.more = rows.size() == kRecordsPerAnswer;
  for (const engine::ExtentPlace& row : rows) {
    answer.records.push_back(extent_record(row));
    answer.next = row.extent.end();
    const bool is_last = &row == &rows.back();
    if (!is_last && is_full(answer.records)) {
      answer.more = true;
      break;
    }
  }
  return answer;
}

Result<Answer> on_usage(const Asked& asked) {
  const Subject subject = TRY(Subject::find(asked));
  const engine::KeptUsage usage = TRY(asked.inspection().usage(subject.inode()));
  return Answer{.records = {Record{"usage", {}}.add("bytes", usage.bytes).add("files", usage.files)}};
}

// In the memory: inode numbers, u64 each; each is answered by two u64, volume + 1 (0: in none) and offset.
Result<Answer> on_places(const Asked& asked) {
  const std::uint64_t count = asked.question.arguments.number("count");
  if (count > kPlacesMax) return fail(EMSGSIZE, "too many at once");
  const ByteVector bytes = TRY(read_memory(asked.memory, 0, count * sizeof(std::uint64_t)));
  std::vector<InodeId> inodes;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t inode = 0;
    std::memcpy(&inode, bytes.data() + i * sizeof inode, sizeof inode);
    inodes.emplace_back(inode);
  }
  std::vector<std::uint64_t> places;
  for (const auto& place : asked.inspection().places(inodes)) {
    places.push_back(place ? place->volume.value() + std::uint64_t{1} : 0);
    places.push_back(place ? place->offset : 0);
  }
  TRY_VOID(write_memory(asked.memory, std::as_bytes(std::span(places))));
  return Answer{};
}

// One volume emptied or punched; more, if it was worth it.
Result<Answer> on_compact(const Asked& asked) {
  return Answer{.more = TRY(asked.engine.compact(asked.question.arguments.truth("all")))};
}

Result<Answer> on_scrub(const Asked& asked) { return Answer{.more = TRY(asked.engine.scrub_step())}; }

Result<Answer> on_snapshot(const Asked& asked) {
  TRY_VOID(asked.engine.commit());
  TRY_VOID(asked.engine.settle());
  TRY_VOID(asked.engine.snapshot());
  return Answer{};
}

Result<Answer> on_quotas(const Asked& asked) {
  return page_of(asked, TRY(asked.inspection().quotas()), quota_record);
}

// Each limit that is named is set; 0 takes it away.
Result<Answer> on_set_quota(const Asked& asked) {
  const Subject subject = TRY(Subject::find(asked));
  const engine::Caller root;
  for (const auto& [argument, attribute] : {std::pair{"bytes", kLimitOfBytes}, {"files", kLimitOfFiles}}) {
    const Field* field = asked.question.arguments.find(argument);
    if (field == nullptr) continue;
    const std::uint64_t limit = asked.question.arguments.number(argument);
    const Status set = limit != 0 ? asked.engine.setxattr(root, subject.inode(), attribute,
                                                          std::to_string(limit), engine::XattrMode::any)
                                  : asked.engine.removexattr(subject.inode(), attribute);
    if (!set.ok() && !(limit == 0 && set.code() == ENODATA)) return set.error();
  }
  // A limit that a power cut takes back was none.
  TRY_VOID(asked.engine.commit());
  return Answer{};
}

Result<Answer> on_config(const Asked& asked) {
  return Answer{.records = asked.daemon.configuration ? asked.daemon.configuration() : Records()};
}

Result<Answer> on_log_level(const Asked& asked) {
  if (const std::string wanted = asked.question.arguments.text("level"); !wanted.empty()) {
    const auto level = log_level_named(wanted);
    if (!level) return fail(EINVAL, "levels are debug, info, warning and error");
    set_log_level(*level);
  }
  return Answer{.text = std::string(name_of(log_level()))};
}

Result<Answer> on_needle(const Asked& asked) {
  const std::uint64_t volume = asked.question.arguments.number("volume");
  if (volume > UINT32_MAX) return fail(ENOENT, fmt::format("volume {}", volume));
  const VolumeId id(static_cast<std::uint32_t>(volume));
  if (device_of(id) >= asked.inspection().store().devices.size())
    return fail(ENOENT, fmt::format("volume {}", volume));
  const engine::NeedleState needle = TRY(asked.inspection().needle(id, asked.question.from));
  Answer answer{.records = {needle_record(needle)}};
  for (const auto& [inode, extent] : needle.named_by) answer.records.push_back(row_record(inode, extent));
  return answer;
}

// Two looks at this tell what happened in between.
Result<Answer> on_operations(const Asked& asked) {
  return Answer{.records = asked.daemon.operations ? asked.daemon.operations() : Records()};
}

Result<Answer> on_processes(const Asked& asked) {
  return Answer{.records = asked.daemon.processes ? asked.daemon.processes() : Records()};
}

Result<Answer> on_metrics(const Asked& asked) {
  Records records = TRY(state_records(asked.engine));
  if (asked.daemon.operations) {
    for (Record& operation : asked.daemon.operations()) records.push_back(std::move(operation));
  }
  return Answer{.text = metrics_text(records)};
}

Result<Answer> on_load(const Asked& asked) {
  const Subject directory = TRY(Subject::find(asked));
  return load_tree(asked.engine, directory.inode(), asked.question.arguments, asked.memory);
}

// As status and operations, of figures alone.
Result<Answer> on_overview(const Asked& asked) {
  Answer answer;
  for (Record& record : TRY(state_records(asked.engine)))
    answer.records.push_back(without_places(std::move(record)));
  if (asked.daemon.operations) {
    for (Record& operation : asked.daemon.operations()) answer.records.push_back(std::move(operation));
  }
  return answer;
}

// As volumes, but for where they lie.
Result<Answer> on_volume_map(const Asked& asked) {
  return page_of(asked, TRY(asked.inspection().volumes()),
                 [](const engine::VolumeInfo& volume) { return without_places(volume_record(volume)); });
}

using Handler = Result<Answer> (*)(const Asked&);

const std::map<std::string_view, Handler>& handlers() {
  static const std::map<std::string_view, Handler> table = {
      {"status", on_status},
      {"volumes", on_volumes},
      {"info", on_info},
      {"usage", on_usage},
      {"places", on_places},
      {"compact", on_compact},
      {"scrub", on_scrub},
      {"snapshot", on_snapshot},
      {"quotas", on_quotas},
      {"set-quota", on_set_quota},
      {"config", on_config},
      {"log-level", on_log_level},
      {"needle", on_needle},
      {"operations", on_operations},
      {"processes", on_processes},
      {"metrics", on_metrics},
      {"load", on_load},
      {"overview", on_overview},
      {"volume-map", on_volume_map},
  };
  return table;
}

}  // namespace

Result<Answer> answer_question(Engine& engine, const DaemonSide& daemon, const Question& question,
                               Right right, int memory) {
  constexpr std::string_view kFigures[] = {"metrics", "overview", "volume-map"};
  if (right != Right::everything && std::ranges::find(kFigures, question.name) == std::end(kFigures))
    return fail(EPERM, "only for root and the user that the daemon runs as");
  const auto found = handlers().find(question.name);
  if (found == handlers().end()) return fail(EOPNOTSUPP, "a question that this daemon does not know");
  return found->second({engine, daemon, question, memory});
}

}  // namespace ciaos::rpc
