// ciaosctl volumes, info and du.
#include <fmt/format.h>
#include <fts.h>
#include <sys/stat.h>

#include <set>

#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/progress.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;
using rpc::Records;

std::string number_text(const Record& record, std::string_view field) {
  return std::to_string(record.number(field));
}

Result<int> run_volumes(const Ctl& ctl, const std::string& place) {
  const auto client = TRY(reach(place.empty() ? ctl.store : place));
  const Records volumes = TRY(ask_all(*client, {.name = "volumes"}));
  if (ctl.json) {
    print(json_of(volumes) + "\n");
    return kExitOk;
  }
  Table table({"VOLUME", "STATE", "EXTENTS", "LIVE", "GARBAGE", "HELD", "WHERE"});
  for (const Record& volume : volumes) {
    std::string where = shown(volume.text("device"));
    if (where.empty()) where = "missing";
    if (volume.number("device_offset") > 0) where += fmt::format(" at {}", volume.number("device_offset"));
    table.add({number_text(volume, "volume"), volume.text("state"), number_text(volume, "extents"),
               bytes_text(volume.number("live_bytes")),
               volume.text("state") == "sealed" ? bytes_text(volume.number("garbage_bytes")) : "-",
               bytes_text(volume.number("held_bytes")), where});
  }
  print(table.text());
  return kExitOk;
}

std::string info_text(const std::string& path, const Records& records) {
  std::string text;
  Table extents({"OFFSET", "LENGTH", "VOLUME", "NEEDLE", "WITHIN", "CRC", "DEVICE OFFSET", "DEVICE"});
  std::size_t count = 0;
  for (const Record& record : records) {
    if (record.kind == "inode") {
      text += fmt::format("{}: inode {}, mode {:o}, {}:{}, {} links\n", shown(path), record.number("inode"),
                          record.number("mode"), record.number("uid"), record.number("gid"),
                          record.number("links"));
      text += fmt::format("  {} bytes, {} stored, {} written and in no volume yet; change {}\n",
                          record.number("size"), record.number("stored_bytes"),
                          record.number("buffered_bytes"), record.number("change"));
      text += fmt::format("  modified {}, changed {}, born {}\n", record.text("modified"),
                          record.text("changed"), record.text("born"));
      if (record.number("quota_root") != 0)
        text += fmt::format("  in the quota tree of inode {}\n", record.number("quota_root"));
    } else if (record.kind == "attribute") {
      text += fmt::format("  attribute {}, {} bytes\n", shown(record.text("name")), record.number("bytes"));
    } else if (record.kind == "extent") {
      ++count;
      if (record.truth("reserved")) {
        extents.add({number_text(record, "offset"), number_text(record, "length"), "reserved"});
      } else {
        extents.add({number_text(record, "offset"), number_text(record, "length"),
                     number_text(record, "volume"), number_text(record, "needle"),
                     number_text(record, "payload_offset"), record.text("header_crc"),
                     number_text(record, "device_offset"), shown(record.text("device"))});
      }
    }
  }
  return count == 0 ? text : text + extents.text();
}

Result<int> run_info(const Ctl& ctl, const std::vector<std::string>& paths) {
  std::string lines;
  for (const std::string& path : paths) {
    const Subject subject = TRY(subject_of(ctl, path));
    rpc::Question question = subject.about;
    question.name = "info";
    const auto records = ask_all(*subject.client, question);
    if (!records.ok()) return with_context(records.error(), path);
    print(ctl.json ? json_by_kind(*records, {{"attribute", "attributes"}, {"extent", "extents"}}) + "\n"
                   : info_text(path, *records));
  }
  return kExitOk;
}

struct Counted {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  bool kept = false;
};

// As du(1): each file once, however many names it has, and nothing of other mounts.
Result<Counted> walk(const Ctl& ctl, const std::string& path) {
  std::string copy = path;
  char* roots[] = {copy.data(), nullptr};
  FTS* const tree = ::fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, nullptr);
  if (tree == nullptr) return fail(errno, path);
  Counted sum;
  Error error;
  std::set<ino_t> seen;
  Progress progress(ctl.bars, "counting");
  while (const FTSENT* entry = ::fts_read(tree)) {
    if (entry->fts_info == FTS_DP) continue;
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
      if (error.code == 0) error = fail(entry->fts_errno, entry->fts_path);
      continue;
    }
    const struct stat& about = *entry->fts_statp;
    if (about.st_nlink > 1 && !S_ISDIR(about.st_mode) && !seen.insert(about.st_ino).second) continue;
    sum.bytes += static_cast<std::uint64_t>(about.st_blocks) * 512;
    ++sum.files;
    progress.show(fmt::format("{} files, {}", sum.files, bytes_text(sum.bytes)));
  }
  ::fts_close(tree);
  if (error.code != 0) return error;
  return sum;
}

Result<Counted> usage_of(const Ctl& ctl, const std::string& path) {
  const Subject subject = TRY(subject_of(ctl, path));
  rpc::Question question = subject.about;
  question.name = "usage";
  const auto kept = subject.client->ask(question);
  if (kept.ok()) {
    const Record* usage = find_kind(kept->records, "usage");
    if (usage == nullptr) return fail(EPROTO, path);
    return Counted{usage->number("bytes"), usage->number("files"), true};
  }
  if (kept.code() != ENODATA) return with_context(kept.error(), path);
  if (!ctl.store.empty())
    return with_context(kept.error(), path + ": name it on the mount to have it counted");
  return walk(ctl, path);
}

Result<int> run_usage(const Ctl& ctl, const std::vector<std::string>& paths) {
  Records found;
  for (const std::string& path : paths) {
    const Counted usage = TRY(usage_of(ctl, path));
    found.push_back(Record{"usage", {}}
                        .add("path", path)
                        .add("bytes", usage.bytes)
                        .add("files", usage.files)
                        .add("source", std::string(usage.kept ? "kept" : "walked")));
  }
  if (ctl.json) {
    print(json_of(found) + "\n");
    return kExitOk;
  }
  for (const Record& usage : found) {
    print(fmt::format("{:>10}  {:>9} files  {}{}\n", bytes_text(usage.number("bytes")), usage.number("files"),
                      shown(usage.text("path")),
                      usage.text("source") == "kept" ? "" : "  (walked: no quota keeps a sum of it)"));
  }
  return kExitOk;
}

}  // namespace

void add_volumes(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("volumes", "Volumes: what lives in each, what is garbage, where it lies");
  auto place = std::make_shared<std::string>();
  verb->add_option("STORE", *place, "A store's path, its mount point, or a daemon's socket")->type_name("");
  verb->callback([&ctl, place] { ctl.run = [&ctl, place] { return run_volumes(ctl, *place); }; });
}

void add_info(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("info", "Inode, attributes and extents of files, down to device offsets");
  auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATH", *paths, "Files on a mount; with --store, paths in that store")
      ->type_name("")
      ->required();
  verb->callback([&ctl, paths] { ctl.run = [&ctl, paths] { return run_info(ctl, *paths); }; });
}

void add_usage(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand(
      "du",
      "Bytes and files below paths: at once where sums are kept (the root, quota trees), else by a walk");
  auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATH", *paths, "Files and directories on a mount; with --store, paths in that store")
      ->type_name("")
      ->required();
  verb->callback([&ctl, paths] { ctl.run = [&ctl, paths] { return run_usage(ctl, *paths); }; });
}

}  // namespace ciaos::ctl
