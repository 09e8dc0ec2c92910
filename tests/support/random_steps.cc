// The operations of a random run: each chooses what to do, does it to both, and compares.
#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <utility>

#include "support/random_run.h"

namespace ciaos::test {

using engine::Attributes;
using engine::Caller;
using engine::DirectoryEntry;
using engine::Engine;

namespace {

constexpr std::uint64_t kFileBytesMax = 512 * 1024;
constexpr std::uint64_t kOpensMax = 8;

// The number the engine gave, for the model to use; none where it refused.
InodeId number_of(const Result<Attributes>& made) { return made.ok() ? made->inode : InodeId{}; }

std::string shown(std::string_view name) {
  return name.size() > 40 ? fmt::format("<{} bytes>", name.size()) : fmt::format("'{}'", name);
}

}  // namespace

const std::array<RandomRun::Choice, 32> RandomRun::kChoices = {{
    {3, &RandomRun::lookup},      {9, &RandomRun::create},      {6, &RandomRun::mkdir},
    {2, &RandomRun::mknod},       {2, &RandomRun::symlink},     {4, &RandomRun::link},
    {6, &RandomRun::unlink},      {4, &RandomRun::rmdir},       {9, &RandomRun::rename},
    {1, &RandomRun::readlink},    {3, &RandomRun::readdir},     {2, &RandomRun::getattr},
    {2, &RandomRun::chmod},       {2, &RandomRun::chown},       {3, &RandomRun::set_times},
    {4, &RandomRun::setxattr},    {2, &RandomRun::removexattr}, {2, &RandomRun::read_xattrs},
    {4, &RandomRun::open},        {4, &RandomRun::release},     {7, &RandomRun::read},
    {20, &RandomRun::write},      {6, &RandomRun::truncate},    {4, &RandomRun::change_range},
    {5, &RandomRun::clone_range}, {6, &RandomRun::fsync},       {2, &RandomRun::commit_all},
    {1, &RandomRun::settle},      {1, &RandomRun::snapshot},    {1, &RandomRun::drop_caches},
    {1, &RandomRun::restart},     {2, &RandomRun::compact},
}};

// --- what to do it to ---

template <typename Predicate>
InodeId RandomRun::pick(Predicate&& predicate) {
  std::vector<InodeId> fitting;
  for (const auto& [number, inode] : model_.inodes()) {
    if (predicate(*inode)) fitting.push_back(number);
  }
  return fitting.empty() ? InodeId{} : fitting[random_.below(fitting.size())];
}

InodeId RandomRun::any_inode() {
  return pick([](const ModelInode&) { return true; });
}

InodeId RandomRun::any_file() {
  return pick([](const ModelInode& inode) { return inode.is_regular(); });
}

InodeId RandomRun::any_directory() {
  // Now and then something that is none.
  if (random_.chance(2)) return any_inode();
  return pick([](const ModelInode& inode) { return inode.is_directory(); });
}

std::string RandomRun::any_name() {
  static const std::string kNames[] = {"a", "b", "c", "d", "e.jpg", "f f", "g\n", "\xFF\x01", "...", "ü"};
  if (random_.chance(2)) return std::string(engine::kNameBytesMax + random_.below(2), 'n');
  return kNames[random_.below(std::size(kNames))];
}

std::string RandomRun::name_in(InodeId directory, std::uint64_t percent_existing) {
  const auto names = model_.readdir(directory);
  if (names.ok() && !names->empty() && random_.chance(percent_existing)) {
    return (*names)[random_.below(names->size())];
  }
  return any_name();
}

std::size_t RandomRun::any_length() {
  if (random_.chance(kinds_.large_percent)) return 60'000 + random_.below(240'000);
  const std::uint64_t kind = random_.below(100);
  if (kind < 2) return 0;
  if (kind < 40) return 1 + random_.below(200);
  if (kind < 60) return 4096 - 8 + random_.below(16);
  if (kind < 92) return 1 + random_.below(20'000);
  return 1 + random_.below(60'000);
}

std::uint64_t RandomRun::any_offset(std::uint64_t size) {
  const std::uint64_t kind = random_.below(10);
  if (kind < 3) return 0;
  if (kind < 5) return size;
  if (kind < 9) return random_.below(size + 1);
  return size + random_.below(30'000);
}

Caller RandomRun::any_caller() {
  if (random_.chance(60)) return {};
  return {.uid = static_cast<std::uint32_t>(random_.below(3)), .gid = 100, .umask = 022};
}

// --- names ---

void RandomRun::lookup() {
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 70);
  note(fmt::format("lookup {} {}", parent.value(), shown(name)));
  expect_same_new(store_->lookup(parent, name), model_.lookup(parent, name));
}

void RandomRun::create() {
  const Caller caller = any_caller();
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 10);
  const auto made = store_->create(caller, parent, name, 0666);
  note(fmt::format("create {} {} -> {}", parent.value(), shown(name), number_of(made).value()));
  if (is_full(made.code())) return;
  expect_same_new(made, model_.create(caller, parent, name, 0666, number_of(made)));
  if (failed_ || !made.ok() || random_.chance(20)) return;
  store_->release(made->inode);
  model_.release(made->inode);
}

void RandomRun::mkdir() {
  const Caller caller = any_caller();
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 10);
  const std::uint32_t mode = random_.chance(20) ? 02775 : 0777;
  const auto made = store_->mkdir(caller, parent, name, mode);
  note(fmt::format("mkdir {} {} -> {}", parent.value(), shown(name), number_of(made).value()));
  if (is_full(made.code())) return;
  expect_same_new(made, model_.mkdir(caller, parent, name, mode, number_of(made)));
}

void RandomRun::mknod() {
  static constexpr std::uint32_t kTypes[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, 0};
  const std::uint32_t type = kTypes[random_.below(std::size(kTypes))];
  const bool is_device = S_ISCHR(type) || S_ISBLK(type);
  const std::uint64_t device = is_device ? makedev(8, static_cast<std::uint32_t>(random_.below(5000))) : 0;
  const Caller caller = any_caller();
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 10);
  const auto made = store_->mknod(caller, parent, name, type | 0660, device);
  note(fmt::format("mknod {} {} {:o} -> {}", parent.value(), shown(name), type, number_of(made).value()));
  if (is_full(made.code())) return;
  expect_same_new(made, model_.mknod(caller, parent, name, type | 0660, device, number_of(made)));
}

void RandomRun::symlink() {
  const Caller caller = any_caller();
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 10);
  const std::string target(1 + random_.below(random_.chance(10) ? engine::kSymlinkBytesMax : 30), 't');
  const auto made = store_->symlink(caller, parent, name, target);
  note(fmt::format("symlink {} {} -> {}", parent.value(), shown(name), number_of(made).value()));
  if (is_full(made.code())) return;
  expect_same_new(made, model_.symlink(caller, parent, name, target, number_of(made)));
}

void RandomRun::link() {
  const InodeId inode = pick([](const ModelInode& candidate) { return !candidate.is_directory(); });
  if (inode == InodeId{}) return create();
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 10);
  note(fmt::format("link {} {} {}", inode.value(), parent.value(), shown(name)));
  const auto linked = store_->link(inode, parent, name);
  if (is_full(linked.code())) return;
  const Status modelled = model_.link(inode, parent, name);
  expect_same_new(linked, modelled.ok() ? Result<InodeId>(inode) : Result<InodeId>(modelled.error()));
}

void RandomRun::unlink() {
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 85);
  note(fmt::format("unlink {} {}", parent.value(), shown(name)));
  expect_same(store_->unlink(parent, name).code(), model_.unlink(parent, name).code());
}

void RandomRun::rmdir() {
  const InodeId parent = any_directory();
  const std::string name = name_in(parent, 85);
  note(fmt::format("rmdir {} {}", parent.value(), shown(name)));
  expect_same(store_->rmdir(parent, name).code(), model_.rmdir(parent, name).code());
}

void RandomRun::rename() {
  const InodeId parent = any_directory();
  const InodeId new_parent = random_.chance(40) ? parent : any_directory();
  const std::string name = name_in(parent, 92);
  const std::string new_name = name_in(new_parent, 50);
  engine::Rename rename{.parent = parent, .name = name, .new_parent = new_parent, .new_name = new_name};
  rename.no_replace = random_.chance(8);
  rename.exchange = !rename.no_replace && random_.chance(15);
  note(fmt::format("rename {} {} to {} {}{}{}", parent.value(), shown(name), new_parent.value(),
                   shown(new_name), rename.no_replace ? " noreplace" : "",
                   rename.exchange ? " exchange" : ""));
  const int renamed = store_->rename(rename).code();
  if (is_full(renamed)) return;
  expect_same(renamed, model_.rename(rename).code());
}

void RandomRun::readlink() {
  const InodeId inode = any_inode();
  note(fmt::format("readlink {}", inode.value()));
  const auto target = store_->readlink(inode);
  const auto modelled = model_.readlink(inode);
  expect_same(target.code(), modelled.code());
  if (target.ok() && modelled.ok()) expect_same(*target, *modelled);
}

void RandomRun::readdir() {
  const InodeId directory = pick([](const ModelInode& inode) { return inode.is_directory(); });
  // In pages of a few entries, as getdents does.
  const std::uint64_t page = 1 + random_.below(5);
  note(fmt::format("readdir {} by {}", directory.value(), page));
  std::vector<std::string> names;
  std::uint64_t position = 0;
  for (bool more = true; more && names.size() < 10'000;) {
    more = false;
    std::uint64_t taken = 0;
    const Status listed =
        store_->readdir(directory, position, false, [&](const DirectoryEntry& entry, const Attributes*) {
          more = taken == page;
          if (more) return false;
          ++taken;
          position = entry.position;
          if (entry.name != "." && entry.name != "..") names.emplace_back(entry.name);
          return true;
        });
    if (!listed.ok()) return expect_same(listed.code(), 0);
  }
  std::sort(names.begin(), names.end());
  if (names != *model_.readdir(directory)) complain(fmt::format("{} names, other ones", names.size()));
}

// --- attributes ---

void RandomRun::getattr() {
  const InodeId inode = any_inode();
  note(fmt::format("getattr {}", inode.value()));
  expect_same(store_->getattr(inode), model_.getattr(inode));
}

void RandomRun::chmod() {
  engine::SetAttributes set;
  set.mode = static_cast<std::uint32_t>(random_.below(010000));
  const InodeId inode = any_inode();
  note(fmt::format("chmod {} {:o}", inode.value(), *set.mode));
  expect_same(store_->setattr({}, inode, set), model_.setattr({}, inode, set));
}

void RandomRun::chown() {
  engine::SetAttributes set;
  if (random_.chance(60)) set.uid = static_cast<std::uint32_t>(random_.below(5000));
  if (!set.uid || random_.chance(50)) set.gid = static_cast<std::uint32_t>(random_.below(5000));
  const Caller caller = any_caller();
  const InodeId inode = any_inode();
  note(fmt::format("chown {} by {}", inode.value(), caller.uid));
  expect_same(store_->setattr(caller, inode, set), model_.setattr(caller, inode, set));
}

void RandomRun::set_times() {
  const auto any_time = [this] {
    return Timestamp{static_cast<std::int64_t>(random_.below(1ull << 36)) - (1ll << 35),
                     static_cast<std::uint32_t>(random_.below(1'000'000'000))};
  };
  engine::SetAttributes set;
  if (random_.chance(50)) set.accessed = any_time();
  if (random_.chance(50)) set.modified = any_time();
  if (!set.accessed) set.accessed_now = true;
  if (!set.modified) set.modified_now = random_.chance(50);
  const InodeId inode = any_inode();
  note(fmt::format("utimens {}", inode.value()));
  expect_same(store_->setattr({}, inode, set), model_.setattr({}, inode, set));
}

void RandomRun::setxattr() {
  static constexpr engine::XattrMode kModes[] = {engine::XattrMode::any, engine::XattrMode::any,
                                                 engine::XattrMode::create, engine::XattrMode::replace};
  const engine::XattrMode mode = kModes[random_.below(std::size(kModes))];
  const std::string name = fmt::format("user.{}", random_.below(4));
  const std::string value = random_.bytes(random_.chance(5) ? random_.below(20'000) : random_.below(50));
  const InodeId inode = pick([](const ModelInode& at) { return at.is_regular() || at.is_directory(); });
  note(fmt::format("setxattr {} {} {} bytes, mode {}", inode.value(), name, value.size(),
                   static_cast<int>(mode)));
  const int set = store_->setxattr({}, inode, name, value, mode).code();
  if (is_full(set)) return;
  expect_same(set, model_.setxattr(inode, name, value, mode).code());
}

void RandomRun::removexattr() {
  const InodeId inode = pick([](const ModelInode& at) { return at.is_regular() || at.is_directory(); });
  const std::string name = fmt::format("user.{}", random_.below(4));
  note(fmt::format("removexattr {} {}", inode.value(), name));
  expect_same(store_->removexattr(inode, name).code(), model_.removexattr(inode, name).code());
}

void RandomRun::read_xattrs() {
  const InodeId inode = any_inode();
  note(fmt::format("listxattr {}", inode.value()));
  auto names = store_->listxattr({}, inode);
  const auto modelled = model_.listxattr(inode);
  expect_same(names.code(), modelled.code());
  if (!names.ok() || !modelled.ok()) return;
  std::sort(names->begin(), names->end());
  if (*names != *modelled) return complain("other names");
  for (const std::string& name : *names) {
    const auto value = store_->getxattr(inode, name);
    expect_same(value.code(), 0);
    if (value.ok()) expect_same(*value, *model_.getxattr(inode, name));
  }
}

// --- contents ---

void RandomRun::open() {
  const InodeId inode = pick([](const ModelInode& at) { return at.is_regular() || at.is_directory(); });
  std::uint64_t opens = 0;
  for (const auto& [number, at] : model_.inodes()) opens += at->opens;
  if (opens >= kOpensMax) return release();
  Engine::OpenMode mode;
  mode.write = random_.chance(60);
  mode.truncate = mode.write && random_.chance(30);
  note(fmt::format("open {}{}{}", inode.value(), mode.write ? " write" : "",
                   mode.truncate ? " truncate" : ""));
  expect_same(store_->open({}, inode, mode).code(), model_.open({}, inode, mode).code());
}

void RandomRun::release() {
  const InodeId inode = pick([](const ModelInode& at) { return at.opens > 0; });
  if (inode == InodeId{}) return getattr();
  note(fmt::format("release {}", inode.value()));
  store_->release(inode);
  model_.release(inode);
}

void RandomRun::read() {
  const InodeId inode = any_file();
  if (inode == InodeId{}) return create();
  const std::uint64_t offset = any_offset(model_.getattr(inode)->size);
  std::string into(any_length(), '?');
  note(fmt::format("read {} at {} {} bytes", inode.value(), offset, into.size()));
  const MutableByteSpan span(reinterpret_cast<std::byte*>(into.data()), into.size());
  const auto bytes = store_->read(inode, offset, span);
  const auto modelled = model_.read(inode, offset, into.size());
  expect_same(bytes.code(), modelled.code());
  if (bytes.ok() && modelled.ok()) expect_same(std::string_view(into).substr(0, *bytes), *modelled);
}

void RandomRun::write() {
  const InodeId inode = any_file();
  if (inode == InodeId{}) return create();
  const std::uint64_t size = model_.getattr(inode)->size;
  Engine::WriteMode mode;
  mode.append = random_.chance(30);
  mode.clears_set_id = random_.chance(20);
  const std::uint64_t offset = any_offset(size);
  const std::size_t length = any_length();
  if ((mode.append ? size : offset) + length > kFileBytesMax) return truncate();
  const std::string bytes = random_.bytes(length);
  note(fmt::format("write {} at {} {} bytes{}{}", inode.value(), mode.append ? size : offset, length,
                   mode.append ? " append" : "", mode.clears_set_id ? " clears set-id" : ""));
  const auto written = store_->write(inode, offset, as_bytes(bytes), mode);
  if (is_full(written.code())) return;
  // A full store may have room for what is reserved alone.
  const bool is_short = written.ok() && *written < length;
  const auto modelled =
      model_.write(inode, offset, std::string_view(bytes).substr(0, written.ok() ? *written : length), mode);
  expect_same(written.code(), modelled.code());
  if (is_short && (!kinds_.may_be_full || *written == 0)) complain("a short write");
}

void RandomRun::truncate() {
  const InodeId inode = any_file();
  if (inode == InodeId{}) return create();
  const std::uint64_t size = model_.getattr(inode)->size;
  engine::SetAttributes set;
  set.size = random_.chance(70) ? random_.below(size + 1) : std::min(any_offset(size) + 5'000, kFileBytesMax);
  note(fmt::format("truncate {} from {} to {}", inode.value(), size, *set.size));
  expect_same(store_->setattr({}, inode, set), model_.setattr({}, inode, set));
}

void RandomRun::change_range() {
  const InodeId inode = any_file();
  if (inode == InodeId{}) return create();
  engine::RangeChange change;
  static constexpr engine::RangeKind kKinds[] = {engine::RangeKind::punch, engine::RangeKind::zero,
                                                 engine::RangeKind::reserve};
  static constexpr const char* kKindNames[] = {"punch", "zero range of", "reserve"};
  const std::size_t kind = random_.below(std::size(kKinds));
  change.kind = kKinds[kind];
  change.keep_size = change.kind == engine::RangeKind::punch || random_.chance(50);
  // Reading a tree finds more blocks than a file has bytes wrong; only these are right.
  if (change.kind == engine::RangeKind::reserve) change.keep_size = false;
  change.clears_set_id = random_.chance(20);
  change.offset = any_offset(model_.getattr(inode)->size);
  change.length = 1 + any_length();
  if (change.offset + change.length > kFileBytesMax) return truncate();
  note(fmt::format("{} {} at {} {} bytes{}{}", kKindNames[kind], inode.value(), change.offset, change.length,
                   change.keep_size ? "" : " grows", change.clears_set_id ? " clears set-id" : ""));
  const int changed = store_->change_range(inode, change).code();
  if (is_full(changed)) return;
  // What is held counts several times over, in whole volumes: a small store has little of that.
  if (change.kind == engine::RangeKind::reserve && changed == ENOSPC)
    return note("     there is no room to hold");
  expect_same(changed, model_.change_range(inode, change).code());
}

void RandomRun::clone_range() {
  const InodeId from = any_file();
  if (from == InodeId{}) return create();
  engine::CloneRange range{.from = from, .to = random_.chance(30) ? from : any_file()};
  range.from_offset = any_offset(model_.getattr(range.from)->size);
  range.to_offset = any_offset(model_.getattr(range.to)->size);
  range.length = any_length();
  range.clears_set_id = random_.chance(20);
  if (range.to_offset + range.length > kFileBytesMax) return truncate();
  note(fmt::format("clone {} bytes of {} at {} to {} at {}{}", range.length, range.from.value(),
                   range.from_offset, range.to.value(), range.to_offset,
                   range.clears_set_id ? " clears set-id" : ""));
  const auto cloned = store_->clone_range(range);
  if (is_full(cloned.code())) return;
  const auto modelled = model_.clone_range(range);
  expect_same(cloned.code(), modelled.code());
  if (cloned.ok() && modelled.ok() && *cloned != *modelled) complain("a short clone");
}

// --- durability ---

void RandomRun::fsync() {
  const InodeId inode = any_inode();
  note(fmt::format("fsync {}", inode.value()));
  const Status synced = store_->fsync(inode);
  expect_same(synced.code(), 0);
  // The change of every attribute, name and byte sets ctime; and each step has a time of its own.
  const auto changed = state_at_.find(model_.getattr(inode)->changed);
  if (changed != state_at_.end()) acknowledged_ = std::max(acknowledged_, changed->second);
}

void RandomRun::commit_all() {
  note("commit");
  expect_same(store_->commit().code(), 0);
  acknowledged_ = newest_state();
}

void RandomRun::settle() {
  note("settle");
  expect_same(store_->settle().code(), 0);
}

void RandomRun::compact() {
  const bool pressed = random_.chance(50);
  note(pressed ? "compact whatever there is" : "compact");
  expect_same(store_->compact(pressed).code(), 0);
}

// Nothing is damaged here, whatever was lost in a crash.
void RandomRun::scrub() {
  note("scrub");
  expect_same(store_->scrub().code(), 0);
  const engine::ScrubStats stats = store_->statistics().scrub;
  if (stats.damaged > 0 || stats.repairs > 0) {
    complain(fmt::format("the scrubber finds {} damages and makes {} repairs", stats.damaged, stats.repairs));
  }
}

void RandomRun::snapshot() {
  note("snapshot");
  expect_same(store_->snapshot().code(), 0);
}

void RandomRun::drop_caches() {
  note("drop caches");
  store_->drop_caches();
}

}  // namespace ciaos::test
