// Sixteen threads on one tree: whatever they were answered, there is an order of all calls that explains it, in which no call
// comes before one that had ended when it began (Herlihy and Wing: the engine is linearizable).
//
// Histories are short and many: each call notes when it began and ended and what it was told, and a search looks for
// an order in which a tree of maps tells the same. CIAOS_SEED=n repeats a history's choices, CIAOS_SEEDS=n makes more.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr int kThreads = 16;
constexpr int kCallsPerThread =
    2;  // more make the search long, and all of them have to fit into a word of bits
static_assert(kThreads * kCallsPerThread <= 64);

// --- what is called, and what it is told ---

enum class Verb { create, mkdir, unlink, rmdir, rename, link, lookup, append, truncate, read, count_links };

struct Place {
  int directory = 0;  // 0: the root, 1: a directory in it that stays
  char name = 'a';
  auto operator<=>(const Place&) const = default;
};

struct Call {
  Verb verb = Verb::lookup;
  Place place;
  Place to;  // of a rename
  bool no_replace = false;
  bool exchange = false;
  char byte = 'x';         // appended
  std::uint64_t size = 0;  // truncated to
};

// An errno, or what the call found: an inode's number, a number of links, contents.
struct Answer {
  int code = 0;
  std::uint64_t number = 0;
  std::string text;
  bool operator==(const Answer&) const = default;
};

struct Event {
  Call call;
  Answer answer;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::string describe(const Event& event) {
  static constexpr std::array kNames = {"create", "mkdir",  "unlink",   "rmdir", "rename",     "link",
                                        "lookup", "append", "truncate", "read",  "count links"};
  const Call& call = event.call;
  return fmt::format("{:3}-{:3} {} {}{} {}{}{}{} {} {} -> {} {} '{}'", event.begin, event.end,
                     kNames[static_cast<std::size_t>(call.verb)], call.place.directory, call.place.name,
                     call.to.directory, call.to.name, call.no_replace ? " noreplace" : "",
                     call.exchange ? " exchange" : "", call.byte, call.size, event.answer.code,
                     event.answer.number, event.answer.text);
}

// --- what they should be told, one after the other ---

struct Child {
  std::uint64_t inode = 0;
  bool is_directory = false;
  auto operator<=>(const Child&) const = default;
};

// One file has a name elsewhere that stays, and is what links and contents are about.
struct Tree {
  std::map<Place, Child> names;
  std::uint64_t file = 0;
  std::uint64_t links = 1;
  std::string contents;
  auto operator<=>(const Tree&) const = default;

  void remove(std::map<Place, Child>::iterator at) {
    if (at->second.inode == file) --links;
    names.erase(at);
  }
};

Answer rename(Tree& tree, const Call& call) {
  const auto from = tree.names.find(call.place);
  if (from == tree.names.end()) return {ENOENT};
  const auto to = tree.names.find(call.to);
  const bool there = to != tree.names.end();
  if (call.exchange && !there) return {ENOENT};
  if (call.no_replace && there) return {EEXIST};
  if (there && to->second.inode == from->second.inode) return {};
  if (call.exchange) {
    std::swap(from->second, to->second);
    return {};
  }
  const Child moved = from->second;
  if (there) {
    if (moved.is_directory && !to->second.is_directory) return {ENOTDIR};
    if (!moved.is_directory && to->second.is_directory) return {EISDIR};
    tree.remove(to);
  }
  tree.names.erase(call.place);
  tree.names[call.to] = moved;
  return {};
}

// Makes the call on `tree`. `told` is what the engine said: the number of what is new is its to choose.
Answer perform(Tree& tree, const Call& call, const Answer& told) {
  const auto at = tree.names.find(call.place);
  const bool there = at != tree.names.end();
  switch (call.verb) {
    case Verb::create:
    case Verb::mkdir:
      if (there) return {EEXIST};
      tree.names[call.place] = {told.number, call.verb == Verb::mkdir};
      return {0, told.number, {}};
    case Verb::unlink:
    case Verb::rmdir:
      if (!there) return {ENOENT};
      if (at->second.is_directory != (call.verb == Verb::rmdir))
        return {at->second.is_directory ? EISDIR : ENOTDIR};
      tree.remove(at);
      return {};
    case Verb::rename: return rename(tree, call);
    case Verb::link:
      if (there) return {EEXIST};
      tree.names[call.place] = {tree.file, false};
      return {0, ++tree.links, {}};
    case Verb::lookup: return there ? Answer{0, at->second.inode, {}} : Answer{ENOENT};
    case Verb::append: tree.contents.push_back(call.byte); return {};
    case Verb::truncate: tree.contents.resize(call.size, '\0'); return {};
    case Verb::read: return {0, 0, tree.contents};
    case Verb::count_links: return {0, tree.links, {}};
  }
  return {};
}

// Whether some order explains the history; depth first, and no state is tried twice.
class Search {
 public:
  Search(const std::vector<Event>& history, const Tree& begin) : history_(history) {
    explained_ = extend(0, begin);
  }
  bool explained() const { return explained_; }

 private:
  bool extend(std::uint64_t done, const Tree& tree) {
    if (done == ~std::uint64_t{0} >> (64 - history_.size())) return true;
    if (!seen_.emplace(done, tree).second) return false;
    // Nothing may come before what had ended when it began.
    std::uint64_t first_end = UINT64_MAX;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if ((done >> i & 1) == 0) first_end = std::min(first_end, history_[i].end);
    }
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const Event& event = history_[i];
      if ((done >> i & 1) != 0 || event.begin > first_end) continue;
      Tree next = tree;
      if (perform(next, event.call, event.answer) != event.answer) continue;
      if (extend(done | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

  const std::vector<Event>& history_;
  std::set<std::pair<std::uint64_t, Tree>> seen_;
  bool explained_ = false;
};

// --- the engine ---

class Linear : public EngineTest {
 protected:
  Linear() : EngineTest({.volume_bytes = 4u << 20, .volumes = 64}) {}
  void SetUp() override {
    store.options.background = true;
    store.options.commit_interval_ms = 1;
    EngineTest::SetUp();
    ASSERT_EQ(shell().mkdir("/stays"), 0);
    ASSERT_EQ(shell().put("/file", ""), 0);
    directories_ = {kRootInode, shell().inode("/stays")};
    file_ = shell().inode("/file");
  }

  InodeId parent(const Place& place) const { return directories_[static_cast<std::size_t>(place.directory)]; }

  Answer made(const Result<engine::Attributes>& attributes) {
    if (!attributes.ok()) return {attributes.code()};
    store->forget(attributes->inode, 1);
    return {0, attributes->inode.value(), {}};
  }

  Answer call(const Call& call) {
    const std::string name(1, call.place.name);
    const std::string to_name(1, call.to.name);
    const InodeId directory = parent(call.place);
    switch (call.verb) {
      case Verb::create: return made(store->mknod({}, directory, name, S_IFREG | 0644, 0));
      case Verb::mkdir: return made(store->mkdir({}, directory, name, 0755));
      case Verb::unlink: return {store->unlink(directory, name).code()};
      case Verb::rmdir: return {store->rmdir(directory, name).code()};
      case Verb::rename:
        return {store
                    ->rename({.parent = directory,
                              .name = name,
                              .new_parent = parent(call.to),
                              .new_name = to_name,
                              .no_replace = call.no_replace,
                              .exchange = call.exchange})
                    .code()};
      case Verb::link: {
        const auto linked = store->link(file_, directory, name);
        if (!linked.ok()) return {linked.code()};
        store->forget(file_, 1);
        return {0, linked->links, {}};
      }
      case Verb::lookup: return made(store->lookup(directory, name));
      case Verb::append:
        return {store->write(file_, 0, as_bytes(std::string_view(&call.byte, 1)), {.append = true}).code()};
      case Verb::truncate: {
        engine::SetAttributes set;
        set.size = call.size;
        return {store->setattr({}, file_, set).code()};
      }
      case Verb::read: {
        std::string text(1000, '\0');
        const auto bytes = store->read(file_, 0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
        if (!bytes.ok()) return {bytes.code()};
        text.resize(*bytes);
        return {0, 0, text};
      }
      case Verb::count_links: return {0, store->getattr(file_)->links, {}};
    }
    return {};
  }

  static Place any_place(Random& dice) {
    return {static_cast<int>(dice.below(2)), static_cast<char>('a' + dice.below(2))};
  }
  static Call any_call(Random& dice) {
    Call call{.verb = static_cast<Verb>(dice.below(11)), .place = any_place(dice), .to = any_place(dice)};
    if (dice.chance(15)) call.verb = Verb::rename;
    call.exchange = dice.chance(30);
    call.no_replace = !call.exchange && dice.chance(20);
    call.byte = static_cast<char>('A' + dice.below(26));
    call.size = dice.below(6);
    return call;
  }

  std::vector<Event> run_history(std::uint64_t seed) {
    std::vector<std::vector<Event>> events(kThreads);
    std::atomic<std::uint64_t> stamp{0};
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < kThreads; ++number) {
      threads.emplace_back([&, number] {
        Random dice(seed * kThreads + static_cast<std::uint64_t>(number));
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        for (int i = 0; i < kCallsPerThread; ++i) {
          Event event{.call = any_call(dice)};
          event.begin = stamp++;
          event.answer = call(event.call);
          event.end = stamp++;
          events[static_cast<std::size_t>(number)].push_back(event);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Event> history;
    for (const auto& of_thread : events) history.insert(history.end(), of_thread.begin(), of_thread.end());
    std::ranges::sort(history, {}, &Event::begin);
    return history;
  }

  // The tree as one thread finds it when nobody else is about.
  Tree found() {
    Tree tree{.file = file_.value()};
    for (const int directory : {0, 1}) {
      for (const char name : {'a', 'b'}) {
        const auto child =
            store->lookup(directories_[static_cast<std::size_t>(directory)], std::string(1, name));
        if (!child.ok()) continue;
        tree.names[{directory, name}] = {child->inode.value(), S_ISDIR(child->mode)};
        store->forget(child->inode, 1);
      }
    }
    tree.links = store->getattr(file_)->links;
    tree.contents = shell().cat("/file");
    return tree;
  }

 private:
  std::array<InodeId, 2> directories_;
  InodeId file_;
};

TEST_F(Linear, SomeOrderExplainsWhateverSixteenThreadsWereTold) {
  const SeedRange seeds = seeds_to_run(100);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE(fmt::format("CIAOS_SEED={}", seed));
    const Tree begin = found();
    const std::vector<Event> history = run_history(seed);
    if (Search(history, begin).explained()) continue;
    std::string told;
    for (const Event& event : history) told += describe(event) + "\n";
    FAIL() << "no order explains\n" << told;
  }
  store.reopen();
}

// The search itself must be able to fail.
TEST(LinearSearch, FindsNoOrderWhereThereIsNone) {
  const Call read{.verb = Verb::read};
  const Call append{.verb = Verb::append, .byte = 'A'};
  const Tree begin;
  // Two at once, in either order; but what was read before the append began cannot have its byte.
  EXPECT_TRUE(Search({{append, {}, 0, 3}, {read, {0, 0, "A"}, 1, 2}}, begin).explained());
  EXPECT_TRUE(Search({{append, {}, 0, 3}, {read, {0, 0, ""}, 1, 2}}, begin).explained());
  EXPECT_FALSE(Search({{read, {0, 0, "A"}, 0, 1}, {append, {}, 2, 3}}, begin).explained());
  EXPECT_FALSE(Search({{append, {}, 0, 1}, {read, {0, 0, ""}, 2, 3}}, begin).explained());
  // Two creations of one name cannot both be the first.
  const Call create{.verb = Verb::create};
  EXPECT_FALSE(Search({{create, {0, 7, {}}, 0, 2}, {create, {0, 8, {}}, 1, 3}}, begin).explained());
}

}  // namespace
}  // namespace ciaos::test
