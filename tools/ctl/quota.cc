// ciaosctl quota: limits of directory trees.
#include <fmt/format.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;

std::string limit_text(std::uint64_t limit, bool bytes) {
  if (limit == 0) return "-";
  return bytes ? bytes_text(limit) : std::to_string(limit);
}

Result<int> list_quotas(const Ctl& ctl, const std::string& place) {
  const auto client = TRY(reach(place.empty() ? ctl.store : place));
  const rpc::Records quotas = TRY(ask_all(*client, {.name = "quotas"}));
  if (ctl.json) {
    print(json_of(quotas) + "\n");
    return kExitOk;
  }
  Table table({"USED", "LIMIT", "FILES", "LIMIT", "DIRECTORY"});
  for (const Record& quota : quotas) {
    table.add({bytes_text(quota.number("bytes")), limit_text(quota.number("bytes_max"), true),
               std::to_string(quota.number("files")), limit_text(quota.number("files_max"), false),
               shown(quota.text("path"))});
  }
  print(table.text());
  return kExitOk;
}

// Absent: stays as it is.
struct Limits {
  std::string path;
  std::string bytes;
  std::optional<std::uint64_t> files;
};

Result<int> change_quota(const Ctl& ctl, const std::string& path, const Record& limits) {
  const Subject subject = TRY(subject_of(ctl, path));
  rpc::Question question = subject.about;
  question.name = "set-quota";
  question.arguments = limits;
  const auto done = subject.client->ask(question);
  if (done.code() == ENOTEMPTY)
    return fail(ENOTEMPTY, path + ": a directory gets its first limit while it is empty");
  if (!done.ok()) return with_context(done.error(), path);
  if (ctl.json) {
    Record said{"quota", {}};
    said.add("path", path);
    for (const rpc::Field& field : limits.fields) said.fields.push_back(field);
    print(json_of(said) + "\n");
  }
  return kExitOk;
}

Result<int> set_quota(const Ctl& ctl, const Limits& limits) {
  Record arguments;
  if (!limits.bytes.empty()) arguments.add("bytes", TRY(parse_bytes(limits.bytes)));
  if (limits.files) arguments.add("files", *limits.files);
  if (arguments.fields.empty()) return fail(EINVAL, "which limit? --bytes, --files or both");
  return change_quota(ctl, limits.path, arguments);
}

}  // namespace

void add_quota(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("quota", "Limits of directory trees, and what they have used");
  verb->require_subcommand(1);
  auto* list = verb->add_subcommand("list", "Every directory that has limits");
  auto place = std::make_shared<std::string>();
  list->add_option("STORE", *place, "A store's path, its mount point, or a daemon's socket")->type_name("");
  list->callback([&ctl, place] { ctl.run = [&ctl, place] { return list_quotas(ctl, *place); }; });

  auto* set =
      verb->add_subcommand("set", "Limits a directory tree; the directory has to be empty the first time");
  auto limits = std::make_shared<Limits>();
  set->add_option("DIRECTORY", limits->path, "On a mount; with --store, a path in that store")
      ->type_name("")
      ->required();
  set->add_option("--bytes", limits->bytes, "Bytes that its files may take; K, M, G, T; 0: no limit")
      ->type_name("N");
  set->add_option("--files", limits->files, "Files and directories that it may have; 0: no limit")
      ->type_name("N");
  set->callback([&ctl, limits] { ctl.run = [&ctl, limits] { return set_quota(ctl, *limits); }; });

  auto* remove = verb->add_subcommand("remove", "Takes the limits of a directory away");
  auto path = std::make_shared<std::string>();
  remove->add_option("DIRECTORY", *path, "As with set")->type_name("")->required();
  remove->callback([&ctl, path] {
    ctl.run = [&ctl, path] {
      return change_quota(ctl, *path, Record{}.add("bytes", std::uint64_t{0}).add("files", std::uint64_t{0}));
    };
  });
}

}  // namespace ciaos::ctl
