// ciaosctl warm: files into the page cache, in the order in which they lie in the volumes, so that a disk reads forward.
#include <fcntl.h>
#include <fmt/format.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/progress.h"

namespace ciaos::ctl {
namespace {

constexpr std::size_t kPlacesAtOnce = 64 * 1024;
constexpr std::size_t kReadBytes = 1u << 20;
constexpr std::size_t kReadersMax = 16;

struct WarmFile {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::uint64_t volume = 0;  // + 1; 0: in none, and so in memory already
  std::uint64_t offset = 0;
};

Result<std::vector<WarmFile>> files_below(const std::vector<std::string>& paths) {
  std::vector<std::string> copies = paths;
  std::vector<char*> roots;
  for (std::string& copy : copies) roots.push_back(copy.data());
  roots.push_back(nullptr);
  FTS* const tree = ::fts_open(roots.data(), FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, nullptr);
  if (tree == nullptr) return fail(errno);
  std::vector<WarmFile> files;
  Error error;
  while (const FTSENT* entry = ::fts_read(tree)) {
    if (entry->fts_info == FTS_F) {
      const struct stat& about = *entry->fts_statp;
      files.push_back({.path = entry->fts_path,
                       .inode = about.st_ino,
                       .bytes = static_cast<std::uint64_t>(about.st_size)});
    } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
      if (error.code == 0) error = fail(entry->fts_errno, entry->fts_path);
    }
  }
  ::fts_close(tree);
  if (error.code != 0) return error;
  return files;
}

Status find_places(rpc::Client& client, std::vector<WarmFile>& files) {
  for (std::size_t from = 0; from < files.size(); from += kPlacesAtOnce) {
    const std::size_t count = std::min(kPlacesAtOnce, files.size() - from);
    const rpc::Memory memory = TRY(rpc::Memory::make(count * 2 * sizeof(std::uint64_t)));
    std::byte* const at = memory.bytes().data();
    for (std::size_t i = 0; i < count; ++i)
      std::memcpy(at + i * sizeof(std::uint64_t), &files[from + i].inode, sizeof(std::uint64_t));
    rpc::Question question{.name = "places"};
    question.arguments.add("count", count);
    TRY_VOID(client.ask(question, &memory));
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&files[from + i].volume, at + 2 * i * sizeof(std::uint64_t), sizeof(std::uint64_t));
      std::memcpy(&files[from + i].offset, at + (2 * i + 1) * sizeof(std::uint64_t), sizeof(std::uint64_t));
    }
  }
  std::ranges::sort(files, {}, [](const WarmFile& file) { return std::pair(file.volume, file.offset); });
  return {};
}

// Shared by readers, each of which takes the next file.
struct Warming {
  explicit Warming(const std::vector<WarmFile>& the_files) : files(the_files) {}
  const std::vector<WarmFile>& files;
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> files_done{0};
  std::atomic<std::uint64_t> bytes_done{0};
  Mutex mutex;
  Error error GUARDED_BY(mutex);

  void read_some() {
    std::vector<char> buffer(kReadBytes);
    while (true) {
      const std::size_t i = next++;
      if (i >= files.size()) return;
      const Status read = read_file(files[i].path, buffer);
      ++files_done;
      if (read.ok()) continue;
      MutexLock lock(mutex);
      if (error.code == 0) error = read.error();
    }
  }
  Status read_file(const std::string& path, std::vector<char>& buffer) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return fail(errno, path);
    while (true) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0) return fail(errno, path);
      if (count == 0) return {};
      bytes_done += static_cast<std::uint64_t>(count);
    }
  }
};

Result<int> run_warm(const Ctl& ctl, const std::vector<std::string>& paths, std::size_t readers) {
  if (!ctl.store.empty())
    return fail(EINVAL, "warm takes paths on a mount: it is their pages that it brings");
  const Subject subject = TRY(subject_of(ctl, paths.front()));
  std::vector<WarmFile> files = TRY(files_below(paths));
  TRY_VOID(find_places(*subject.client, files));
  std::uint64_t whole = 0;
  for (const WarmFile& file : files) whole += file.bytes;
  Warming warming(files);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < readers; ++i) threads.emplace_back([&] { warming.read_some(); });
  {
    Progress progress(ctl.bars, "warming");
    while (warming.files_done < files.size()) {
      progress.show(warming.bytes_done, whole, bytes_text(warming.bytes_done));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  for (std::thread& thread : threads) thread.join();
  {
    MutexLock lock(warming.mutex);
    if (warming.error.code != 0) return warming.error;
  }
  const rpc::Record done =
      rpc::Record{"warm", {}}.add("files", files.size()).add("bytes", warming.bytes_done.load());
  print(ctl.json ? json_of(done) + "\n"
                 : fmt::format("{} files, {}\n", files.size(), bytes_text(warming.bytes_done)));
  return kExitOk;
}

}  // namespace

void add_warm(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("warm", "Brings files into the page cache, in the order of their volumes");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto readers = std::make_shared<std::size_t>(4);
  verb->add_option("PATH", *paths, "Files and directories of one mount")->type_name("")->required();
  verb->add_option("--readers", *readers, "How many files are read at once; 1 to 16")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, kReadersMax))
      ->capture_default_str();
  verb->callback([&ctl, paths, readers] {
    ctl.run = [&ctl, paths, readers] { return run_warm(ctl, *paths, *readers); };
  });
}

}  // namespace ciaos::ctl
