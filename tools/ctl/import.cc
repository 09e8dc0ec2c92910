// ciaosctl import: a directory or an archive into a store, past the mount and many files a message.
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <future>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/progress.h"
#include "tools/ctl/tree_source.h"

namespace ciaos::ctl {
namespace {

constexpr std::size_t kBatchDataBytes = 16u << 20;
constexpr std::size_t kBatchEntries = 4096;
// What one entry may have at most besides its bytes: a path, a target, and all the attributes that a file can have.
constexpr std::size_t kEntryBytesMax = 512 * 1024;
static_assert(kBatchEntries <= rpc::kLoadEntriesMax &&
              kBatchDataBytes + rpc::kLoadBatchBytesMax <= (64u << 20));

struct Imported {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t others = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;
};

// Entries and the bytes of their files, until there are enough for a message.
class Batch {
 public:
  static Result<Batch> make() {
    return Batch(TRY(rpc::Memory::make(kBatchDataBytes + rpc::kLoadBatchBytesMax)));
  }

  bool is_empty() const { return entries_.empty(); }
  std::size_t room() const { return kBatchDataBytes - used_; }
  bool is_full() const {
    return room() == 0 || entries_.size() >= kBatchEntries ||
           entry_bytes_ + kEntryBytesMax > rpc::kLoadBatchBytesMax;
  }
  void add(engine::LoadEntry entry) {
    entry_bytes_ += 256 + entry.path.size() + entry.target.size();
    for (const auto& [name, value] : entry.xattrs) entry_bytes_ += 64 + name.size() + value.size();
    entries_.push_back(std::move(entry));
  }
  engine::LoadEntry& last() { return entries_.back(); }
  // REQUIRES: bytes.size() <= room(); there is an entry.
  void add_bytes(std::uint64_t offset, ByteSpan bytes) {
    std::memcpy(memory_.bytes().data() + used_, bytes.data(), bytes.size());
    auto& pieces = last().pieces;
    if (!pieces.empty() && pieces.back().offset + pieces.back().length == offset) {
      pieces.back().length += bytes.size();
    } else {
      pieces.push_back({.offset = offset, .length = bytes.size(), .at = used_});
      entry_bytes_ += 64;
    }
    used_ += bytes.size();
  }

  // Has the daemon load all of it; empty again afterwards. How many could not be.
  Result<std::uint64_t> send(rpc::Client& client, rpc::Question question) {
    const std::string packed = rpc::pack_load(entries_);
    CIAOS_ASSERT(packed.size() <= rpc::kLoadBatchBytesMax);
    std::memcpy(memory_.bytes().data() + used_, packed.data(), packed.size());
    question.name = "load";
    question.arguments.add("entries_at", used_).add("entries_bytes", packed.size());
    const rpc::Answer answer = TRY(client.ask(question, &memory_));
    for (const rpc::Record& failure : answer.records) {
      const std::uint64_t index = failure.number("index");
      const std::string what = std::strerror(static_cast<int>(failure.number("errno")));
      if (index < entries_.size()) say(entries_[index].path + ": " + what);
    }
    entries_.clear();
    used_ = entry_bytes_ = 0;
    return answer.next;
  }

 private:
  explicit Batch(rpc::Memory memory) : memory_(std::move(memory)) {}
  rpc::Memory memory_;
  std::vector<engine::LoadEntry> entries_;
  std::size_t used_ = 0;
  std::size_t entry_bytes_ = 0;  // estimate, from above
};

// One batch is filled while another one is loaded: what comes later may need what came before, so never two at once.
class Loader {
 public:
  Loader(Subject& subject, Progress& progress, Batch one, Batch other)
      : subject_(subject), progress_(progress), filling_(std::move(one)), loading_(std::move(other)) {}
  ~Loader() {
    if (under_way_.valid()) under_way_.wait();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Status load(TreeSource& source) {
    engine::LoadEntry entry;
    while (true) {
      const Result<bool> more = source.next(entry);
      if (more.code() == EILSEQ) {
        say(more.error().context);
        ++done_.failures;
        continue;
      }
      if (!TRY(Result<bool>(more))) return {};
      TRY_VOID(add(source, entry));
      show(source);
    }
  }
  // Everything is loaded, and durable.
  Status finish() {
    for (; !directories_.empty(); directories_.pop_back()) {
      TRY_VOID(make_room());
      filling_.add(std::move(directories_.back()));
    }
    TRY_VOID(send());
    TRY_VOID(receive());
    rpc::Question question = subject_.about;
    question.name = "load";
    (void)TRY(subject_.client->ask(question));
    return {};
  }
  const Imported& done() const { return done_; }

 private:
  Status add(TreeSource& source, engine::LoadEntry& entry) {
    TRY_VOID(make_room());
    entry.begins = true;
    entry.ends = true;
    done_.directories += S_ISDIR(entry.mode) ? 1 : 0;
    done_.files += S_ISREG(entry.mode) ? 1 : 0;
    done_.others += S_ISDIR(entry.mode) || S_ISREG(entry.mode) ? 0 : 1;
    if (S_ISDIR(entry.mode) && !entry.hard_link) {
      directories_.push_back(entry);
      directories_.back().begins = false;
      entry.ends = false;
      entry.xattrs.clear();
      // Whoever owns it: what belongs into it has to come in.
      entry.mode |= S_IRWXU;
      if (entry.path.empty()) return {};
    }
    filling_.add(entry);
    while (const std::optional<TreeSource::Block> block = TRY(source.next_block())) {
      ByteSpan rest = block->bytes;
      for (std::uint64_t offset = block->offset; !rest.empty();) {
        if (filling_.is_full()) TRY_VOID(begin_part(entry));
        const ByteSpan some = rest.first(std::min(rest.size(), filling_.room()));
        filling_.add_bytes(offset, some);
        offset += some.size();
        rest = rest.subspan(some.size());
        done_.bytes += some.size();
      }
      show(source);
    }
    return {};
  }
  // A file goes on in another message.
  Status begin_part(const engine::LoadEntry& entry) {
    filling_.last().ends = false;
    TRY_VOID(send());
    engine::LoadEntry part = entry;
    part.begins = false;
    filling_.add(std::move(part));
    return {};
  }
  Status make_room() { return filling_.is_full() ? send() : Status{}; }

  Status send() {
    TRY_VOID(receive());
    if (filling_.is_empty()) return {};
    std::swap(filling_, loading_);
    under_way_ =
        std::async(std::launch::async, [this] { return loading_.send(*subject_.client, subject_.about); });
    return {};
  }
  Status receive() {
    if (!under_way_.valid()) return {};
    done_.failures += TRY(under_way_.get());
    return {};
  }
  void show(const TreeSource& source) {
    const std::uint64_t things = done_.files + done_.directories + done_.others;
    const std::string text = fmt::format("{}, {}", things, bytes_text(done_.bytes));
    if (source.whole_bytes() > 0) {
      progress_.show(source.read_bytes(), source.whole_bytes(), text);
    } else {
      progress_.show(text);
    }
  }

  Subject& subject_;
  Progress& progress_;
  Batch filling_;
  Batch loading_;
  std::future<Result<std::uint64_t>> under_way_;
  std::vector<engine::LoadEntry> directories_;  // whose attributes come when all that is in them is there
  Imported done_;
};

Result<int> run_import(const Ctl& ctl, const std::vector<std::string>& sources, const std::string& place) {
  Subject subject = TRY(subject_of(ctl, place));
  const std::uint64_t begin = monotonic_ns();
  Progress progress(ctl.bars, "importing");
  Loader loader(subject, progress, TRY(Batch::make()), TRY(Batch::make()));
  for (const std::string& path : sources) {
    TreeSource source = TRY(TreeSource::open(path));
    TRY_VOID(loader.load(source));
  }
  TRY_VOID(loader.finish());
  progress.clear();
  const Imported& done = loader.done();
  const double seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  const rpc::Record record = rpc::Record{"import", {}}
                                 .add("files", done.files)
                                 .add("directories", done.directories)
                                 .add("others", done.others)
                                 .add("bytes", done.bytes)
                                 .add("failures", done.failures)
                                 .add("milliseconds", static_cast<std::uint64_t>(seconds * 1e3));
  print(ctl.json ? json_of(record) + "\n"
                 : fmt::format("{} files, {} directories and {} others, {} in {:.1f} s, durable\n",
                               done.files, done.directories, done.others, bytes_text(done.bytes), seconds));
  if (done.failures == 0) return kExitOk;
  say(fmt::format("{} could not be imported", done.failures));
  return kExitFailed;
}

}  // namespace

void add_import(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("import", "Copies directories and archives into a store, past the mount");
  auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("SOURCE", *paths,
                   "Directories, archives, - for one on standard input; last a directory on a mount")
      ->type_name("")
      ->expected(2, -1)
      ->required();
  verb->callback([&ctl, paths] {
    ctl.run = [&ctl, paths] { return run_import(ctl, {paths->begin(), paths->end() - 1}, paths->back()); };
  });
}

}  // namespace ciaos::ctl
