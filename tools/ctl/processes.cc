#include "tools/ctl/processes.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace ciaos::ctl {
namespace {

constexpr long kFuseMagic = 0x65735546;  // statfs(2), of linux/magic.h

constexpr std::uint64_t kKernel = 0;  // no process has it

// "Name: value" of /proc/PID/status; empty if there is none.
std::string status_line(std::uint64_t pid, std::string_view name) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

std::uint64_t process_of_thread(std::uint64_t thread) {
  const std::string group = status_line(thread, "Tgid");
  std::uint64_t process = 0;
  const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), process);
  return error == std::errc() && end != group.data() ? process : thread;
}

bool is_on_fuse(const std::string& path) {
  struct statfs about {};
  return ::statfs(path.c_str(), &about) == 0 && about.f_type == kFuseMagic;
}

std::string target_of(const std::string& link) {
  std::error_code error;
  return std::filesystem::read_symlink(link, error).string();
}

}  // namespace

std::uint64_t process_named(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = !text.empty() && error == std::errc() && end == text.data() + text.size();
  struct stat about {};
  return is_number && ::lstat(text.c_str(), &about) != 0 ? number : 0;
}

rpc::Records by_process(const rpc::Records& threads) {
  struct Sum {
    std::uint64_t count = 0;
    std::uint64_t nanoseconds = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::uint64_t, Sum> sums;
  for (const rpc::Record& record : threads) {
    const std::uint64_t thread = record.number("thread");
    Sum& sum = sums[thread == 0 ? kKernel : process_of_thread(thread)];
    sum.count += record.number("count");
    sum.nanoseconds += record.number("nanoseconds");
    sum.bytes += record.number("bytes");
  }
  rpc::Records processes;
  const auto tell = [&](std::uint64_t pid, const Sum& sum, const std::string& name) {
    if (sum.count == 0) return;
    processes.push_back(rpc::Record{"process", {}}
                            .add("process", pid)
                            .add("count", sum.count)
                            .add("nanoseconds", sum.nanoseconds)
                            .add("bytes", sum.bytes)
                            .add("command", name));
  };
  Sum ended;
  for (const auto& [pid, sum] : sums) {
    const std::string name = pid == kKernel ? "(the kernel)" : status_line(pid, "Name");
    if (name.empty()) {
      ended.count += sum.count;
      ended.nanoseconds += sum.nanoseconds;
      ended.bytes += sum.bytes;
    } else {
      tell(pid, sum, name);
    }
  }
  tell(kKernel, ended, "(have ended)");
  std::ranges::sort(processes, std::ranges::greater(),
                    [](const rpc::Record& record) { return record.number("nanoseconds"); });
  return processes;
}

// The command's name, in parentheses, may have anything in it: fields are counted from behind the last one.
std::uint64_t cpu_ns_of(std::uint64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::stringstream whole;
  whole << file.rdbuf();
  const std::string text = whole.str();
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return (user + system) * (1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

std::string mount_used_by(std::uint64_t pid) {
  const std::string process = fmt::format("/proc/{}", pid);
  const std::string working = process + "/cwd";
  if (is_on_fuse(working)) return target_of(working);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(process + "/fd", error)) {
    if (is_on_fuse(entry.path().string())) return target_of(entry.path().string());
  }
  return "";
}

}  // namespace ciaos::ctl
