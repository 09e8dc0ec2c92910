#include "support/random_run.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace ciaos::test {

namespace {

constexpr std::size_t kHistoryLines = 60;

ModelFilesystem fresh_model(TestStore& store) {
  const auto root = store->getattr(kRootInode);
  CIAOS_ASSERT(root.ok());
  return {*root, *store.clock};
}

std::string name_of(int code) { return code == 0 ? "success" : std::strerror(code); }

}  // namespace

RandomRun::RandomRun(TestStore& store, std::uint64_t seed, const Kinds& kinds)
    : RandomRun(store, seed, kinds, fresh_model(store)) {}

RandomRun::RandomRun(TestStore& store, std::uint64_t seed, const Kinds& kinds, ModelFilesystem state)
    : store_(store), random_(seed), kinds_(kinds), model_(std::move(state)), states_{model_} {}

void RandomRun::step() {
  store_.clock->advance_ms(1 + static_cast<std::int64_t>(random_.below(2000)));
  state_at_[store_.clock->now()] = states_.size();
  std::uint64_t weights = 0;
  for (const Choice& choice : kChoices) weights += choice.weight;
  std::uint64_t at = random_.below(weights);
  for (const Choice& choice : kChoices) {
    if (at < choice.weight) {
      (this->*choice.operation)();
      break;
    }
    at -= choice.weight;
  }
  if (kinds_.compacts && random_.chance(8)) compact();
  if (kinds_.compacts && random_.chance(2)) scrub();
  states_.push_back(model_);
}

void RandomRun::commit() {
  store_.clock->advance_ms(1);
  state_at_[store_.clock->now()] = states_.size();
  commit_all();
  states_.push_back(model_);
}

void RandomRun::check_tree() {
  auto actual = tree_of(store_.engine());
  if (!actual.ok()) return complain("the tree cannot be read: " + to_string(actual.error()));
  const FileTree expected = tree_of(model_);
  if (*actual != expected) return complain("the trees differ:\n" + difference(expected, *actual));
  const std::uint64_t inodes = store_->statfs().inodes;
  if (inodes != model_.inodes().size()) {
    complain(fmt::format("statfs counts {} inodes, there are {}", inodes, model_.inodes().size()));
  }
  check_usage();
}

void count_usage(TestStore& store) {
  const Status set =
      store->setxattr({}, kRootInode, "trusted.ciaos.quota.bytes", "1T", engine::XattrMode::any);
  ASSERT_TRUE(set.ok()) << to_string(set.error());
  ASSERT_TRUE(store->commit().ok());
}

void RandomRun::check_usage() {
  const auto bytes = store_->getxattr(kRootInode, "trusted.ciaos.usage.bytes");
  if (bytes.code() == ENODATA) return;
  std::uint64_t expected = 0;
  for (const auto& [number, inode] : model_.inodes()) {
    const auto attributes = store_->getattr(number);
    if (!attributes.ok()) return complain(fmt::format("inode {} cannot be read", number.value()));
    expected += attributes->blocks512 * 512;
  }
  const auto files = store_->getxattr(kRootInode, "trusted.ciaos.usage.files");
  if (*bytes != std::to_string(expected) || *files != std::to_string(model_.inodes().size()))
    complain(fmt::format("the quota counts {} bytes and {} files, there are {} and {}", *bytes, *files,
                         expected, model_.inodes().size()));
}

std::string RandomRun::history() const {
  const std::size_t first = history_.size() - std::min(history_.size(), kHistoryLines);
  std::string text;
  for (std::size_t i = first; i < history_.size(); ++i) text += history_[i] + "\n";
  return text;
}

RandomRun::Found RandomRun::find_state(const FileTree& tree, std::size_t oldest, std::size_t newest) {
  CIAOS_ASSERT(oldest <= newest && newest < states_.size());
  for (std::size_t i = newest + 1; i-- > oldest;) {
    if (tree_of(states_[i]) != tree) continue;
    ModelFilesystem state = states_[i];
    state.close_all();
    return {true, std::move(state)};
  }
  complain(
      fmt::format("what came back is none of the states {} to {}. From the newest it differs by\n{}from the "
                  "oldest by\n{}",
                  oldest, newest, difference(tree_of(states_[newest]), tree),
                  difference(tree_of(states_[oldest]), tree)));
  return {false, model_};
}

void RandomRun::restart() {
  const bool kill = kinds_.kills && (!kinds_.reopens || random_.chance(50));
  if (kill) return kill_and_recover();
  if (!kinds_.reopens) return;
  note("reopen");
  const Status closed = store_.close();
  if (!closed.ok()) return complain("close: " + to_string(closed.error()));
  acknowledged_ = newest_state();
  model_.close_all();
  const Status opened = store_.try_open();
  if (!opened.ok()) return complain("open: " + to_string(opened.error()));
  check_tree();
}

void RandomRun::kill_and_recover() {
  note("kill");
  store_.kill();
  const Status opened = store_.try_open();
  if (!opened.ok()) return complain("open: " + to_string(opened.error()));
  auto tree = tree_of(store_.engine());
  if (!tree.ok()) return complain("the tree cannot be read: " + to_string(tree.error()));
  Found found = find_state(*tree, acknowledged_, newest_state());
  if (!found.exists) return;
  model_ = std::move(found.state);
  // Recovery synced before it showed anything: from now on this state is durable. It is pushed when the step ends.
  state_at_.clear();
  states_.push_back(model_);
  acknowledged_ = newest_state();
  check_tree();
}

void RandomRun::note(std::string line) {
  history_.push_back(fmt::format("{:4} {}", states_.size(), std::move(line)));
}

void RandomRun::complain(const std::string& what) {
  failed_ = true;
  ADD_FAILURE() << what << "\nafter\n" << history();
}

bool RandomRun::is_full(int engine) {
  if (!kinds_.may_be_full || engine != ENOSPC) return false;
  note("     the store is full");
  return true;
}

void RandomRun::expect_same(int engine, int model) {
  if (engine != model) complain(fmt::format("engine: {}; model: {}", name_of(engine), name_of(model)));
}

void RandomRun::expect_same(std::string_view engine, std::string_view model) {
  if (engine == model) return;
  const auto differs = std::mismatch(engine.begin(), engine.end(), model.begin(), model.end());
  complain(fmt::format("values of {} and {} bytes differ from byte {} on", engine.size(), model.size(),
                       differs.first - engine.begin()));
}

void RandomRun::expect_same(const Result<engine::Attributes>& engine,
                            const Result<engine::Attributes>& model) {
  if (!engine.ok() || !model.ok()) return expect_same(engine.code(), model.code());
  if (describe(*engine) != describe(*model)) {
    complain("engine: " + describe(*engine) + "\nmodel:  " + describe(*model));
  }
}

void RandomRun::expect_same_new(const Result<engine::Attributes>& engine, const Result<InodeId>& model) {
  if (engine.ok()) store_->forget(engine->inode, 1);
  if (!engine.ok() || !model.ok()) return expect_same(engine.code(), model.code());
  expect_same(engine, model_.getattr(*model));
}

}  // namespace ciaos::test
