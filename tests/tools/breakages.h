// A builder for every problem in fsck's table: it breaks a store that was whole, in that way and if possible in no other.
#pragma once

#include <span>
#include <string>

#include "support/temporary_directory.h"
#include "tools/broken_store.h"

namespace ciaos::fsck {

// A small tree with one of everything, and the ids of its parts. Committed.
struct Tree {
  explicit Tree(bool in_folder = false);

  test::TemporaryDirectory place;
  const std::string index = place.path() + "/index";
  BrokenStore store;
  InodeId folder = store.add_directory(kRootInode, "folder");
  InodeId inner = store.add_directory(folder, "inner");
  InodeId file = store.add_file(inner, "file", std::string(5000, 'x'));
  InodeId other = store.add_file(kRootInode, "other", std::string(300, 'y'));
  InodeId link = store.add_symlink(folder, "link", "inner/file");
  InodeId large;

  // The log goes on in another volume, behind a snapshot: nobody but the files needs the first one.
  void leave_first_volume();
  meta::CounterRow& counter(meta::Counter key) {
    return *store.rows().counters.at(static_cast<std::uint32_t>(key));
  }
  meta::NameRow& name(InodeId parent, const char* text) { return *store.name(parent, text); }

  Findings check(const Answers* answers = nullptr, bool check_data = true);
};

// What fsck -y makes of it.
enum class Outcome {
  repaired,      // run 1 exits 1, run 2 exits 0
  left,          // both exit 4
  left_for_cut,  // the same, and with --cut-lost it is repaired
  note           // both exit 0: nothing is wrong, or the next mount does it
};

struct Breakage {
  const char* name;
  Problem problem;
  void (*breaks)(Tree&);
  const char* says = "";  // in one of the lines
  Outcome outcome = Outcome::repaired;
  bool in_folder = false;  // of a directory store
};

// Those that are rows of a batch, which is written behind them, and those that are bytes.
std::span<const Breakage> row_breakages();
std::span<const Breakage> byte_breakages();

// A tree that is broken so.
void break_rows(Tree& tree, const Breakage& breakage);

}  // namespace ciaos::fsck
