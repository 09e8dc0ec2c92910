// Random operations, each done to an engine and to a model, and the answers compared.
//
// The run remembers the state after each of its steps and which of them an acknowledged fsync or commit has made
// durable. So it can say of any tree that comes back after a crash whether it is a state that existed and that was not
// older than what was promised (invariant 5).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "support/file_tree.h"
#include "support/model_filesystem.h"
#include "support/random.h"
#include "support/test_store.h"

namespace ciaos::test {

// Not thread-safe. A step that goes wrong is a test failure that tells the history; stop at failed().
class RandomRun {
 public:
  struct Kinds {
    std::uint64_t large_percent = 8;  // of all writes: 60 to 300 KB
    bool reopens = true;              // clean unmounts
    bool kills = false;               // the process dies and comes back; the devices do not
    bool compacts = false;            // and scrubs, more often than by chance
    bool may_be_full = false;         // ENOSPC is an answer where something new is stored, and only there
  };

  // `store` is open and shows `state`, or is fresh. Outlives the run.
  RandomRun(TestStore& store, std::uint64_t seed, const Kinds& kinds);
  RandomRun(TestStore& store, std::uint64_t seed, const Kinds& kinds, ModelFilesystem state);

  void step();
  void commit();
  bool failed() const { return failed_; }
  // Reads the whole tree and compares. So is what the root's quota counts, if it has one.
  void check_tree();
  // What was done, the last steps of it.
  std::string history() const;

  const ModelFilesystem& model() const { return model_; }
  // The states that existed: 0 is what the run began with, i is what step i left.
  std::size_t newest_state() const { return states_.size() - 1; }
  std::size_t acknowledged_state() const { return acknowledged_; }

  // The newest of the states [oldest, newest] with that tree; nothing is open in it. A failure, told as such, if
  // there is none.
  struct Found {
    bool exists = false;
    ModelFilesystem state;
  };
  Found find_state(const FileTree& tree, std::size_t oldest, std::size_t newest);

 private:
  using Operation = void (RandomRun::*)();
  struct Choice {
    std::uint64_t weight;
    Operation operation;
  };
  static const std::array<Choice, 32> kChoices;

  // --- operations ---
  void lookup();
  void create();
  void mkdir();
  void mknod();
  void symlink();
  void link();
  void unlink();
  void rmdir();
  void rename();
  void readlink();
  void readdir();
  void getattr();
  void chmod();
  void chown();
  void set_times();
  void setxattr();
  void removexattr();
  void read_xattrs();
  void open();
  void release();
  void read();
  void write();
  void truncate();
  void change_range();
  void clone_range();
  void fsync();
  void commit_all();
  void settle();
  void snapshot();
  void compact();
  void scrub();
  void drop_caches();
  void restart();

  // --- what to do it to ---
  InodeId any_inode();
  InodeId any_file();
  InodeId any_directory();
  std::string any_name();
  std::string name_in(InodeId directory, std::uint64_t percent_existing);
  std::uint64_t any_offset(std::uint64_t size);
  std::size_t any_length();
  engine::Caller any_caller();
  template <typename Predicate>
  InodeId pick(Predicate&& predicate);

  // --- telling ---
  void note(std::string line);
  // The store refused for want of room, as it may; the model then never hears of it.
  bool is_full(int engine);
  void expect_same(int engine, int model);
  void expect_same(std::string_view engine, std::string_view model);
  void expect_same(const Result<engine::Attributes>& engine, const Result<engine::Attributes>& model);
  void expect_same_new(const Result<engine::Attributes>& engine, const Result<InodeId>& model);
  void complain(const std::string& what);
  void check_usage();
  void kill_and_recover();

  TestStore& store_;
  Random random_;
  const Kinds kinds_;
  ModelFilesystem model_;
  std::vector<ModelFilesystem> states_;
  std::map<Timestamp, std::size_t> state_at_;  // by the time at which its step ran
  std::size_t acknowledged_ = 0;
  std::vector<std::string> history_;
  bool failed_ = false;
};

// The root of a fresh store becomes that of a quota tree whose limit does not matter, durably: check_tree() then compares what it
// counts with what is there.
void count_usage(TestStore& store);

}  // namespace ciaos::test
