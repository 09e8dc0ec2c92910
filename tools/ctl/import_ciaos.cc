// ciaosctl import-ciaos: the values of an original CIAOS, each with its elements, as its clients will ask for them here.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "tools/ctl/ciaos_values.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/progress.h"

namespace ciaos::ctl {
namespace {

constexpr std::size_t kMemoryBytes = 16u << 20;
constexpr std::size_t kElementsMax = kMemoryBytes / sizeof(std::uint64_t);
// Each value is durable when it is there, so several share a sync.
constexpr unsigned kWorkers = 16;

bool is_usable_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// Shared by workers, each of which takes the next value.
class Takeover {
 public:
  Takeover(rpc::Client& client, std::string directory, CiaosValues values)
      : client_(client), directory_(std::move(directory)), values_(std::move(values)) {}

  void work() {
    auto memory = rpc::Memory::make(kMemoryBytes);
    if (!memory.ok()) return stop(memory.error());
    while (const std::optional<CiaosValue> value = next()) {
      const Status taken = take(*value, *memory);
      if (taken.ok()) {
        ++taken_;
      } else if (taken.code() == EEXIST) {
        ++kept_;
      } else if (taken.code() == ENOTCONN || taken.code() == ENOSPC || taken.code() == EROFS) {
        return stop(taken.error());
      } else {
        ++failures_;
        say(fmt::format("{} of {}: {}", value->key, value->user, to_string(taken.error())));
      }
    }
  }
  std::uint64_t done() const { return taken_ + kept_ + failures_; }
  std::uint64_t count() const { return values_.count(); }
  Status error() {
    MutexLock lock(mutex_);
    return error_;
  }
  rpc::Record record() const {
    return rpc::Record{"import-ciaos", {}}
        .add("values", taken_.load())
        .add("elements", elements_.load())
        .add("bytes", bytes_.load())
        .add("kept", kept_.load())
        .add("failures", failures_.load());
  }

 private:
  std::optional<CiaosValue> next() {
    MutexLock lock(mutex_);
    if (!error_.ok()) return std::nullopt;
    auto value = values_.next();
    if (!value.ok()) error_ = value.error();
    return value.ok() ? *std::move(value) : std::nullopt;
  }
  void stop(const Error& error) {
    MutexLock lock(mutex_);
    if (error_.ok()) error_ = error;
  }

  Status take(const CiaosValue& value, const rpc::Memory& memory) {
    if (!is_usable_name(value.user)) return fail(EINVAL, "no name for a user");
    if (!value.bucket.empty() && !is_usable_name(value.bucket)) return fail(EINVAL, "no name for a bucket");
    const std::vector<ValueSpan> spans = TRY(Result<std::vector<ValueSpan>>(value.spans));
    if (spans.size() > kElementsMax) return fail(EFBIG, "too many elements");
    const std::string path =
        directory_ + '/' + value.user + (value.bucket.empty() ? "" : '/' + value.bucket) + ".bin";
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat about {};
    if (!file.valid() || ::fstat(file.get(), &about) != 0) return fail(errno, path);
    const auto there = static_cast<std::uint64_t>(about.st_size);
    for (const ValueSpan& span : spans) {
      if (span.offset > there || span.bytes > there - span.offset) return fail(EUCLEAN, path + " ends early");
    }
    TRY_VOID(ensure_bucket(value.user));
    const InodeId staged = TRY(client_.stage(kOwner));
    Status published = fill(file.get(), spans, staged, memory);
    if (published.ok()) published = publish(value, spans, staged, memory);
    if (!published.ok()) client_.discard(staged);
    return published;
  }
  Status ensure_bucket(const std::string& user) {
    {
      MutexLock lock(mutex_);
      if (buckets_.contains(user)) return {};
    }
    const Status made = client_.create_bucket(user, kOwner, {{"owner", user}});
    if (!made.ok() && made.code() != EEXIST) return made;
    MutexLock lock(mutex_);
    buckets_.insert(user);
    return {};
  }
  Status fill(int file, const std::vector<ValueSpan>& spans, InodeId staged, const rpc::Memory& memory) {
    std::uint64_t written = 0;
    std::size_t held = 0;
    const auto flush = [&]() -> Status {
      if (held == 0) return {};
      TRY_VOID(client_.write(staged, written, memory, held));
      written += held;
      held = 0;
      return {};
    };
    for (const ValueSpan& span : spans) {
      for (std::uint64_t done = 0; done < span.bytes;) {
        if (held == kMemoryBytes) TRY_VOID(flush());
        const std::size_t wanted = std::min<std::uint64_t>(span.bytes - done, kMemoryBytes - held);
        const ssize_t got =
            ::pread(file, memory.bytes().data() + held, wanted, static_cast<off_t>(span.offset + done));
        if (got <= 0) return fail(got < 0 ? errno : EUCLEAN, "bytes of a value");
        held += static_cast<std::size_t>(got);
        done += static_cast<std::uint64_t>(got);
      }
    }
    return flush();
  }
  Status publish(const CiaosValue& value, const std::vector<ValueSpan>& spans, InodeId staged,
                 const rpc::Memory& memory) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
      std::memcpy(memory.bytes().data() + i * sizeof(std::uint64_t), &spans[i].bytes, sizeof(std::uint64_t));
      bytes += spans[i].bytes;
    }
    (void)TRY(client_.publish(
        {.path = {value.user, value.bucket.empty() ? value.key : value.bucket + '/' + value.key},
         .source = {.staged = staged, .memory = &memory, .elements = spans.size()},
         .owner = kOwner,
         .notes = {},
         .condition = {.absent = true, .if_match = {}, .if_none_match = {}}}));
    elements_ += spans.size();
    bytes_ += bytes;
    return {};
  }

  static constexpr engine::ObjectOwner kOwner{};

  rpc::Client& client_;
  const std::string directory_;
  Mutex mutex_;
  CiaosValues values_;  // its rows guarded by mutex_
  std::set<std::string> buckets_ GUARDED_BY(mutex_);
  Status error_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> kept_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> elements_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

std::string usual_database() {
  const char* named = std::getenv("DB_FILE");
  return named == nullptr ? "./metadata/metadata.sqlite" : named;
}

Result<int> run_import_ciaos(const Ctl& ctl, const std::string& directory, const std::string& database) {
  CiaosValues values = TRY(CiaosValues::open(database.empty() ? usual_database() : database));
  const auto client = TRY(reach(ctl.store));
  Takeover takeover(*client, directory, std::move(values));
  std::vector<std::thread> workers;
  std::atomic<unsigned> working = kWorkers;
  for (unsigned i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      takeover.work();
      --working;
    });
  }
  {
    Progress progress(ctl.bars, "importing");
    while (working > 0) {
      progress.show(takeover.done(), takeover.count(), fmt::format("{} values", takeover.done()));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  for (std::thread& worker : workers) worker.join();
  TRY_VOID(takeover.error());
  const rpc::Record done = takeover.record();
  print(ctl.json
            ? json_of(done) + "\n"
            : fmt::format("{} values of {} elements, {}; {} were there already\n", done.number("values"),
                          done.number("elements"), bytes_text(done.number("bytes")), done.number("kept")));
  if (done.number("failures") == 0) return kExitOk;
  say(fmt::format("{} could not be imported", done.number("failures")));
  return kExitFailed;
}

}  // namespace

void add_import_ciaos(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("import-ciaos", "Takes over the values of an original CIAOS");
  auto directory = std::make_shared<std::string>();
  auto database = std::make_shared<std::string>();
  verb->add_option("DIRECTORY", *directory, "Its data directory")->type_name("")->required();
  verb->add_option("--db", *database, "Its database; DB_FILE, or metadata/metadata.sqlite here")
      ->type_name("FILE");
  verb->callback([&ctl, directory, database] {
    ctl.run = [&ctl, directory, database] { return run_import_ciaos(ctl, *directory, *database); };
  });
}

}  // namespace ciaos::ctl
