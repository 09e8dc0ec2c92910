// What every verb of ciaosctl has in common: which daemon it speaks with, how it shows what it found, and how it ends.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "rpc/client.h"
#include "rpc/record.h"
#include "tools/ctl/text.h"

namespace ciaos::ctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;       // the verb could not do what it was asked
inline constexpr int kExitUsage = 2;        // the command line is wrong
inline constexpr int kExitUnreachable = 3;  // there is no such daemon, or it speaks with others
inline constexpr int kExitUnhealthy = 4;    // status: the store is damaged, or takes no changes

struct Ctl {
  bool json = false;
  bool colours = false;              // standard output is a terminal, and nobody asked for none
  bool bars = false;                 // standard error is one
  std::string store;                 // --store
  std::function<Result<int>()> run;  // of the verb that was given; its exit code
};

// The daemon of `place`: a store's path, a mount point or anything in it, or a socket. Empty: the one that runs.
// ENOTCONN, whatever the reason: kExitUnreachable.
Result<std::unique_ptr<rpc::Client>> reach(const std::string& place);

// A file, and the daemon that has it. With --store the path begins at the root of that store's mount.
struct Subject {
  std::unique_ptr<rpc::Client> client;
  rpc::Question about;  // its inode or path
};
Result<Subject> subject_of(const Ctl& ctl, const std::string& path);

// All pages of an answer.
Result<rpc::Records> ask_all(rpc::Client& client, rpc::Question question);

const rpc::Record* find_kind(const rpc::Records& records, std::string_view kind);
void print(const std::string& text);
// A line on standard error.
void say(const std::string& text);

// Each declares one verb, or a few of a kind, with its options.
void add_status(CLI::App& app, Ctl& ctl);
void add_volumes(CLI::App& app, Ctl& ctl);
void add_info(CLI::App& app, Ctl& ctl);
void add_usage(CLI::App& app, Ctl& ctl);
void add_upkeep(CLI::App& app, Ctl& ctl);  // compact, scrub, snapshot-index
void add_warm(CLI::App& app, Ctl& ctl);
void add_import(CLI::App& app, Ctl& ctl);
void add_import_ciaos(CLI::App& app, Ctl& ctl);
void add_quota(CLI::App& app, Ctl& ctl);
void add_settings(CLI::App& app, Ctl& ctl);  // config, log-level
void add_debug(CLI::App& app, Ctl& ctl);
void add_watch(CLI::App& app, Ctl& ctl);  // top, explain, metrics
void add_user(CLI::App& app, Ctl& ctl);
void add_completion(CLI::App& app, Ctl& ctl);

// Everything, on an app that has the global options.
void declare(CLI::App& app, Ctl& ctl);

}  // namespace ciaos::ctl
