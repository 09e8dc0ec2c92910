// ciaosctl debug: one needle, and everything that a report of a bug should come with.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <fstream>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;
using rpc::Records;

struct NeedleAddress {
  std::uint64_t volume = 0;
  std::uint64_t offset = 0;
};

Result<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(EINVAL, fmt::format("\"{}\" is no number", text));
  return number;
}

Result<NeedleAddress> parse_address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail(EINVAL, "a needle is VOLUME:OFFSET, as info shows them");
  return NeedleAddress{TRY(number_of(text.substr(0, colon))), TRY(number_of(text.substr(colon + 1)))};
}

std::string value_text(const rpc::Field& field) {
  if (const auto* number = std::get_if<std::uint64_t>(&field.value)) return std::to_string(*number);
  if (const auto* truth = std::get_if<bool>(&field.value)) return *truth ? "yes" : "no";
  return shown(std::get<std::string>(field.value));
}

std::string needle_text(const Records& records) {
  std::string text;
  for (const Record& record : records) {
    if (record.kind == "needle") {
      for (const rpc::Field& field : record.fields)
        text += fmt::format("{:<14} {}\n", field.name, value_text(field));
    } else {
      text += fmt::format("named by       inode {}, bytes {} to {}, from {} of the payload\n",
                          record.number("inode"), record.number("offset"),
                          record.number("offset") + record.number("length"), record.number("payload_offset"));
    }
  }
  return text;
}

Result<int> run_needle(const Ctl& ctl, const std::string& address) {
  const NeedleAddress at = TRY(parse_address(address));
  const auto client = TRY(reach(ctl.store));
  rpc::Question question{.name = "needle", .from = at.offset};
  question.arguments.add("volume", at.volume);
  const auto answer = client->ask(question);
  if (answer.code() == ENODATA) return fail(ENODATA, address + ": no needle begins there");
  if (!answer.ok()) return with_context(answer.error(), address);
  print(ctl.json ? json_by_kind(answer->records, {{"named_by", "named_by"}}) + "\n"
                 : needle_text(answer->records));
  const Record* needle = find_kind(answer->records, "needle");
  return needle != nullptr && needle->text("payload") == "verified" ? kExitOk : kExitUnhealthy;
}

// Lines of a file in /proc, without those that none of `wanted` begins; with none wanted, the first line.
Record lines_of(const std::string& kind, const std::string& path,
                const std::vector<std::string_view>& wanted) {
  Record record{kind, {}};
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(':');
    if (wanted.empty()) {
      record.add("line", line);
      return record;
    }
    for (const std::string_view name : wanted) {
      if (line.substr(0, colon) != name) continue;
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      record.add(std::string(name), value == std::string::npos ? "" : line.substr(value));
    }
  }
  return record;
}

Record system_record() {
  Record record{"system", {}};
  utsname name{};
  if (::uname(&name) == 0)
    record.add("kernel", std::string(name.release)).add("machine", std::string(name.machine));
  record.add("processors", static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))));
  return record;
}

// Whatever the daemon answers; that one question failed is part of a report, too.
void add_answers(rpc::Client& client, const std::string& question, Records& into) {
  auto records = ask_all(client, {.name = question});
  if (!records.ok()) {
    into.push_back(
        Record{"unanswered", {}}.add("question", question).add("error", to_string(records.error())));
    return;
  }
  for (Record& record : *records) into.push_back(std::move(record));
}

// No contents and no names of files, no keys: what is asked is numbers of the store and of the machine.
Records bundle_of(rpc::Client& client) {
  Records records;
  records.push_back(Record{"bundle", {}}
                        .add("ciaosctl", std::string(CIAOS_VERSION))
                        .add("taken", static_cast<std::uint64_t>(SystemClock().now().seconds)));
  records.push_back(system_record());
  const std::string process = fmt::format("/proc/{}", client.peer_pid());
  records.push_back(lines_of("process", process + "/status",
                             {"State", "VmRSS", "VmHWM", "VmSwap", "Threads", "voluntary_ctxt_switches"}));
  records.push_back(lines_of("memory", "/proc/meminfo", {"MemTotal", "MemAvailable", "Cached", "Dirty"}));
  records.push_back(lines_of("load", "/proc/loadavg", {}));
  records.push_back(lines_of("io_uring", "/sys/module/fuse/parameters/enable_uring", {}));
  for (const char* question : {"status", "config", "volumes", "operations"})
    add_answers(client, question, records);
  return records;
}

Status write_file(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno, path);
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(fd.get(), text.data() + at, text.size() - at);
    if (count < 0) return fail(errno, path);
    at += static_cast<std::size_t>(count);
  }
  return {};
}

Result<int> run_bundle(const Ctl& ctl, const std::string& path) {
  const auto client = TRY(reach(ctl.store));
  const std::string text = json_by_kind(bundle_of(*client), {{"volume", "volumes"},
                                                             {"setting", "settings"},
                                                             {"operation", "operations"},
                                                             {"unanswered", "unanswered"}}) +
                           "\n";
  if (path == "-") {
    print(text);
    return kExitOk;
  }
  TRY_VOID(write_file(path, text));
  print(ctl.json ? json_of(Record{"bundle", {}}.add("path", path).add("bytes", text.size())) + "\n"
                 : fmt::format("{}: {}; numbers of store and machine, no data, no names, no keys\n",
                               shown(path), bytes_text(text.size())));
  return kExitOk;
}

}  // namespace

void add_debug(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("debug", "For finding out what is wrong");
  verb->require_subcommand(1);
  auto* needle =
      verb->add_subcommand("needle", "What a needle says, whether it verifies, and which files name it");
  auto address = std::make_shared<std::string>();
  needle->add_option("NEEDLE", *address, "VOLUME:OFFSET, as info shows them")->type_name("")->required();
  needle->callback([&ctl, address] { ctl.run = [&ctl, address] { return run_needle(ctl, *address); }; });
  auto* bundle = verb->add_subcommand("bundle", "Writes a file for a bug report: no data, no names, no keys");
  auto path = std::make_shared<std::string>();
  bundle->add_option("FILE", *path, "Made anew, as JSON; -: standard output")->type_name("")->required();
  bundle->callback([&ctl, path] { ctl.run = [&ctl, path] { return run_bundle(ctl, *path); }; });
}

}  // namespace ciaos::ctl
