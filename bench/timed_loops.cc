// The loops that bench/run times: each verb does one kind of work in one directory and prints what it took, as JSON.
//
//   timed_loops VERB key=value...
//
// Contents are windows into one pool of noise, chosen by the file's number, so that a reader knows what must come back
// without keeping it. Inside a timed loop a reader compares the length and three short windows; `verify` compares every byte,
// and is run behind each timed read, while the pages that the reader was given are still in memory.
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPoolBytes = 8u << 20;
constexpr std::size_t kLargestFile = 1u << 20;
constexpr std::size_t kTransferBytes = 1u << 20;
constexpr std::size_t kWindowBytes = 64;
constexpr int kFilesPerFolder = 500;

using Clock = std::chrono::steady_clock;
using Arguments = std::map<std::string, std::string>;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "timed_loops: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

[[noreturn]] void wrong_bytes(const std::string& what) {
  std::fprintf(stderr, "timed_loops: %s does not hold what was written\n", what.c_str());
  std::exit(2);
}

class Fd {
 public:
  Fd(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) give_up(path);
  }
  ~Fd() { ::close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The same noise in every process.
const std::vector<char>& pool() {
  static const std::vector<char> bytes = [] {
    std::vector<char> made(kPoolBytes);
    std::mt19937_64 random(20100607);
    for (std::size_t at = 0; at < made.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = random();
      std::memcpy(made.data() + at, &word, sizeof word);
    }
    return made;
  }();
  return bytes;
}

// The files of one set: how many, how large, where, and what is in them.
struct FileSet {
  std::string folder;
  std::size_t count = 0;
  std::size_t bytes = 0;  // about, if it varies
  bool varies = false;    // sizes spread by a fifth around `bytes`
  bool flat = false;      // all in one directory

  explicit FileSet(Arguments& arguments)
      : folder(arguments["dir"]),
        count(std::strtoul(arguments["files"].c_str(), nullptr, 10)),
        bytes(std::strtoul(arguments["bytes"].c_str(), nullptr, 10)),
        varies(arguments["varies"] == "1"),
        flat(arguments["flat"] == "1") {}

  std::string folder_path(std::size_t file) const {
    if (flat) return folder;
    char name[32];
    std::snprintf(name, sizeof name, "/d%05zu", file / kFilesPerFolder);
    return folder + name;
  }
  std::string path(std::size_t file) const {
    char name[32];
    std::snprintf(name, sizeof name, "/f%07zu", file);
    return folder_path(file) + name;
  }
  std::size_t size(std::size_t file) const {
    return varies ? bytes - bytes / 5 + file * 7919 % (bytes * 2 / 5) : bytes;
  }
  const char* content(std::size_t file) const {
    return pool().data() + file * 40503 % (kPoolBytes - kLargestFile);
  }
  std::vector<std::size_t> shuffled(unsigned seed) const {
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
    return order;
  }
  void make_folders() const {
    ::mkdir(folder.c_str(), 0755);
    for (std::size_t file = 0; file < count; file += kFilesPerFolder) {
      if (::mkdir(folder_path(file).c_str(), 0755) != 0 && errno != EEXIST) give_up(folder_path(file));
    }
  }
};

void write_whole(int fd, const char* from, std::size_t bytes, const std::string& path) {
  while (bytes > 0) {
    const ssize_t put = ::write(fd, from, bytes);
    if (put < 0) give_up(path);
    from += put;
    bytes -= static_cast<std::size_t>(put);
  }
}

// Reads until `expected` bytes are there or the file ends; `room` is more, so that a file that grew is noticed.
std::size_t read_whole(int fd, char* into, std::size_t expected, std::size_t room, const std::string& path) {
  std::size_t done = 0;
  while (done < expected) {
    const ssize_t got = ::read(fd, into + done, room - done);
    if (got < 0) give_up(path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void parallel(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> running;
  for (std::size_t thread = 1; thread < threads; ++thread) running.emplace_back(work, thread);
  work(0);
  for (std::thread& thread : running) thread.join();
}

std::size_t number(Arguments& arguments, const char* key, std::size_t preset) {
  const auto found = arguments.find(key);
  return found == arguments.end() ? preset : std::strtoul(found->second.c_str(), nullptr, 10);
}

// One fsync of a new file ends every row that writes: on ciaosfs it commits everything before it. Elsewhere it does not, so
// the time until a syncfs of everything is told as well.
struct Ending {
  double seconds = 0;
  double durable_seconds = 0;
};
Ending end_writing(const std::string& folder, Clock::time_point begin) {
  Ending ending;
  const std::string marker = folder + "/.end";
  const Fd fd(marker, O_WRONLY | O_CREAT | O_TRUNC);
  write_whole(fd.get(), "end", 3, marker);
  if (::fsync(fd.get()) != 0) give_up(marker);
  ending.seconds = seconds_since(begin);
  if (::syncfs(fd.get()) != 0) give_up(folder);
  ending.durable_seconds = seconds_since(begin);
  return ending;
}

void report(double seconds, double durable_seconds, double operations, double bytes) {
  std::printf("{\"seconds\": %.6f, \"durable_seconds\": %.6f, \"operations\": %.0f, \"bytes\": %.0f}\n",
              seconds, durable_seconds, operations, bytes);
}

void create(Arguments& arguments) {
  const FileSet set(arguments);
  const std::size_t threads = number(arguments, "threads", 1);
  const bool sync_each = number(arguments, "fsync", 0) != 0;
  set.make_folders();
  pool();
  std::atomic<std::size_t> bytes = 0;
  const auto begin = Clock::now();
  parallel(threads, [&](std::size_t thread) {
    for (std::size_t file = thread; file < set.count; file += threads) {
      const std::string path = set.path(file);
      const Fd fd(path, O_WRONLY | O_CREAT | O_EXCL);
      write_whole(fd.get(), set.content(file), set.size(file), path);
      if (sync_each && ::fsync(fd.get()) != 0) give_up(path);
      bytes += set.size(file);
    }
  });
  const Ending ending = end_writing(set.folder, begin);
  report(ending.seconds, ending.durable_seconds, static_cast<double>(set.count), static_cast<double>(bytes));
}

// Open, read, close; `count` files of the set, in an order that the seed shuffles.
void read_files(Arguments& arguments) {
  const FileSet set(arguments);
  const std::size_t threads = number(arguments, "threads", 1);
  const bool every_byte = number(arguments, "verify", 0) != 0;
  const auto order = set.shuffled(static_cast<unsigned>(number(arguments, "seed", 1)));
  const std::size_t count = std::min(number(arguments, "count", set.count), set.count);
  pool();
  std::atomic<std::size_t> bytes = 0;
  const auto begin = Clock::now();
  parallel(threads, [&](std::size_t thread) {
    std::vector<char> into(kLargestFile + 1);
    std::size_t sum = 0;
    for (std::size_t i = thread; i < count; i += threads) {
      const std::size_t file = order[i];
      const std::string path = set.path(file);
      const Fd fd(path, O_RDONLY);
      const std::size_t got = read_whole(fd.get(), into.data(), set.size(file), into.size(), path);
      const char* const right = set.content(file);
      if (got != set.size(file)) wrong_bytes(path);
      const std::size_t window = std::min(kWindowBytes, got);
      for (const std::size_t at : {std::size_t{0}, (got - window) / 2, got - window}) {
        if (std::memcmp(into.data() + at, right + at, window) != 0) wrong_bytes(path);
      }
      if (every_byte && std::memcmp(into.data(), right, got) != 0) wrong_bytes(path);
      sum += got;
    }
    bytes += sum;
  });
  report(seconds_since(begin), 0, static_cast<double>(count), static_cast<double>(bytes));
}

void stat_files(Arguments& arguments) {
  const FileSet set(arguments);
  auto order = set.shuffled(static_cast<unsigned>(number(arguments, "seed", 1)));
  order.resize(std::min(number(arguments, "count", set.count), set.count));
  const auto begin = Clock::now();
  for (const std::size_t file : order) {
    struct stat about {};
    if (::stat(set.path(file).c_str(), &about) != 0) give_up(set.path(file));
    if (static_cast<std::size_t>(about.st_size) != set.size(file)) wrong_bytes(set.path(file));
  }
  report(seconds_since(begin), 0, static_cast<double>(order.size()), 0);
}

// Names only, as `ls -U` asks for them, and nothing is kept of them.
void list(Arguments& arguments) {
  const FileSet set(arguments);
  std::vector<char> buffer(1u << 20);
  const auto begin = Clock::now();
  const Fd fd(set.folder, O_RDONLY | O_DIRECTORY);
  std::size_t entries = 0;
  while (true) {
    const ssize_t got = ::getdents64(fd.get(), buffer.data(), buffer.size());
    if (got < 0) give_up(set.folder);
    if (got == 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      std::uint16_t bytes = 0;
      std::memcpy(&bytes, buffer.data() + at + offsetof(dirent64, d_reclen), sizeof bytes);
      entries += buffer[at + offsetof(dirent64, d_name)] != '.' ? 1 : 0;
      at += bytes;
    }
  }
  const double seconds = seconds_since(begin);
  if (entries != set.count) wrong_bytes(set.folder);
  report(seconds, 0, static_cast<double>(entries), 0);
}

// --- an archive of the set on standard output, in the ustar format ---

constexpr std::size_t kTarBlockBytes = 512;

// Puts `value` as octal digits and a NUL into a field.
void put_octal(char* field, std::size_t bytes, std::uint64_t value) {
  field[bytes - 1] = '\0';
  for (std::size_t digit = bytes - 1; digit-- > 0; value /= 8)
    field[digit] = static_cast<char>('0' + value % 8);
}

void put_tar_header(char* block, const std::string& name, std::size_t bytes) {
  std::memset(block, 0, kTarBlockBytes);
  std::memcpy(block, name.data(), std::min<std::size_t>(name.size(), 100));
  put_octal(block + 100, 8, 0644);
  put_octal(block + 108, 8, 0);
  put_octal(block + 116, 8, 0);
  put_octal(block + 124, 12, bytes);
  put_octal(block + 136, 12, 1'600'000'000);
  block[156] = '0';
  std::memcpy(block + 257, "ustar\00000", 8);
  std::memset(block + 148, ' ', 8);
  unsigned sum = 0;
  for (std::size_t i = 0; i < kTarBlockBytes; ++i) sum += static_cast<unsigned char>(block[i]);
  put_octal(block + 148, 7, sum);
}

void archive(Arguments& arguments) {
  const FileSet set(arguments);
  std::vector<char> out;
  const auto flush = [&] {
    write_whole(STDOUT_FILENO, out.data(), out.size(), "standard output");
    out.clear();
  };
  for (std::size_t file = 0; file < set.count; ++file) {
    const std::string path = set.path(file).substr(set.folder.size() + 1);
    char header[kTarBlockBytes];
    put_tar_header(header, path, set.size(file));
    out.insert(out.end(), header, header + kTarBlockBytes);
    out.insert(out.end(), set.content(file), set.content(file) + set.size(file));
    out.resize((out.size() + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes);
    if (out.size() > kTransferBytes) flush();
  }
  out.resize(out.size() + 2 * kTarBlockBytes);
  flush();
}

std::size_t walked = 0;
int count_file(const char*, const struct stat*, int kind, FTW*) {
  if (kind == FTW_F) ++walked;
  return 0;
}

void walk(Arguments& arguments) {
  const FileSet set(arguments);
  const auto begin = Clock::now();
  if (::nftw(set.folder.c_str(), count_file, 64, FTW_PHYS) != 0) give_up(set.folder);
  const double seconds = seconds_since(begin);
  if (walked != set.count + 1) wrong_bytes(set.folder);  // and the marker
  report(seconds, 0, static_cast<double>(set.count), 0);
}

void unlink_files(Arguments& arguments) {
  const FileSet set(arguments);
  const auto order = set.shuffled(static_cast<unsigned>(number(arguments, "seed", 1)));
  const auto begin = Clock::now();
  for (const std::size_t file : order) {
    if (::unlink(set.path(file).c_str()) != 0) give_up(set.path(file));
  }
  const Ending ending = end_writing(set.folder, begin);
  report(ending.seconds, ending.durable_seconds, static_cast<double>(set.count), 0);
}

// --- one large file: block b of 4 KiB begins with its number, behind that lies noise ---

constexpr std::size_t kBlockBytes = 4096;

void fill_blocks(std::vector<char>& buffer, std::uint64_t offset) {
  std::memcpy(buffer.data(), pool().data() + offset / kTransferBytes % 7 * kBlockBytes, buffer.size());
  for (std::size_t at = 0; at < buffer.size(); at += kBlockBytes) {
    const std::uint64_t block = (offset + at) / kBlockBytes;
    std::memcpy(buffer.data() + at, &block, sizeof block);
  }
}

bool numbers_are_right(const char* bytes, std::size_t count, std::uint64_t offset) {
  for (std::size_t at = 0; at < count; at += kBlockBytes) {
    std::uint64_t block = 0;
    std::memcpy(&block, bytes + at, sizeof block);
    if (block != (offset + at) / kBlockBytes) return false;
  }
  return true;
}

void write_large(Arguments& arguments) {
  const std::string path = arguments["path"];
  const std::size_t bytes = number(arguments, "bytes", 0);
  const std::size_t transfers = bytes / kTransferBytes;
  std::vector<char> buffer(kTransferBytes);
  pool();
  double filling = 0;
  const auto begin = Clock::now();
  const Fd fd(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (std::size_t at = 0; at < bytes; at += kTransferBytes) {
    const auto fill = Clock::now();
    fill_blocks(buffer, at);
    filling += seconds_since(fill);
    write_whole(fd.get(), buffer.data(), buffer.size(), path);
  }
  if (::fsync(fd.get()) != 0) give_up(path);
  const double seconds = seconds_since(begin) - filling;
  report(seconds, seconds, static_cast<double>(transfers), static_cast<double>(bytes));
}

void read_large(Arguments& arguments) {
  const std::string path = arguments["path"];
  const std::size_t bytes = number(arguments, "bytes", 0);
  const std::size_t transfers = bytes / kTransferBytes;
  const bool every_byte = number(arguments, "verify", 0) != 0;
  std::vector<char> buffer(kTransferBytes);
  std::vector<char> right(kTransferBytes);
  pool();
  const auto begin = Clock::now();
  const Fd fd(path, O_RDONLY);
  for (std::size_t at = 0; at < bytes; at += kTransferBytes) {
    if (read_whole(fd.get(), buffer.data(), kTransferBytes, kTransferBytes, path) != kTransferBytes)
      wrong_bytes(path);
    if (!numbers_are_right(buffer.data(), kTransferBytes, at)) wrong_bytes(path);
    if (!every_byte) continue;
    fill_blocks(right, at);
    if (buffer != right) wrong_bytes(path);
  }
  report(seconds_since(begin), 0, static_cast<double>(transfers), static_cast<double>(bytes));
}

void read_randomly(Arguments& arguments) {
  const std::string path = arguments["path"];
  const std::size_t bytes = number(arguments, "bytes", 0);
  const std::size_t block = number(arguments, "block", kBlockBytes);
  const auto limit = std::chrono::milliseconds(number(arguments, "milliseconds", 4000));
  std::mt19937_64 random(number(arguments, "seed", 1));
  std::vector<char> buffer(block);
  std::size_t reads = 0;
  const auto begin = Clock::now();
  const Fd fd(path, O_RDONLY);
  while (Clock::now() - begin < limit) {
    const std::uint64_t offset = random() % (bytes / block) * block;
    const ssize_t got = ::pread(fd.get(), buffer.data(), block, static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(block)) give_up(path);
    if (!numbers_are_right(buffer.data(), block, offset)) wrong_bytes(path);
    ++reads;
  }
  report(seconds_since(begin), 0, static_cast<double>(reads), static_cast<double>(reads * block));
}

struct Verb {
  std::string_view name;
  void (*run)(Arguments&);
};
constexpr Verb kVerbs[] = {
    {"create", create},
    {"read", read_files},
    {"stat", stat_files},
    {"walk", walk},
    {"unlink", unlink_files},
    {"write_large", write_large},
    {"read_large", read_large},
    {"read_randomly", read_randomly},
    {"list", list},
    {"archive", archive},
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 2; i < argc; ++i) {
    const std::string_view text = argv[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    arguments[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const Verb& verb : kVerbs) {
    if (argc > 1 && verb.name == argv[1]) {
      verb.run(arguments);
      return 0;
    }
  }
  std::fputs("timed_loops VERB key=value...; see bench/run\n", stderr);
  return 64;
}
