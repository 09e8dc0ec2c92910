#include "support/shell.h"

#include <algorithm>
#include <utility>

#include "support/file_tree.h"

namespace ciaos::test {

using engine::Attributes;
using engine::DirectoryEntry;
using engine::Engine;

Result<InodeId> Shell::find(std::string_view path) {
  InodeId inode = kRootInode;
  while (!path.empty()) {
    const std::size_t begin = path.find_first_not_of('/');
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const Attributes found = TRY(engine_.lookup(inode, path.substr(begin, end - begin)));
    engine_.forget(found.inode, 1);
    inode = found.inode;
    path.remove_prefix(end);
  }
  return inode;
}

Result<Shell::Place> Shell::place_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const InodeId parent = TRY(find(path.substr(0, slash)));
  return Place{parent, path.substr(slash + 1)};
}

InodeId Shell::inode(std::string_view path) {
  const auto found = find(path);
  return found.ok() ? *found : InodeId{};
}

Result<Attributes> Shell::stat(std::string_view path) { return engine_.getattr(TRY(find(path))); }

int Shell::put(std::string_view path, std::string_view bytes) {
  const auto place = place_of(path);
  if (!place.ok()) return place.code();
  auto file = engine_.create(caller_, place->parent, place->name, 0644);
  bool created = file.ok();
  if (file.code() == EEXIST) {
    const auto existing = find(path);
    if (!existing.ok()) return existing.code();
    file = engine_.open(caller_, *existing, {.write = true, .truncate = true});
  }
  if (!file.ok()) return file.code();
  const auto written = engine_.write(file->inode, 0, as_bytes(bytes), {});
  engine_.release(file->inode);
  if (created) engine_.forget(file->inode, 1);
  return written.code();
}

int Shell::append(std::string_view path, std::string_view bytes) {
  const auto file = find(path);
  if (!file.ok()) return file.code();
  return engine_.write(*file, 0, as_bytes(bytes), {.append = true}).code();
}

int Shell::write_at(std::string_view path, std::uint64_t offset, std::string_view bytes) {
  const auto file = find(path);
  if (!file.ok()) return file.code();
  return engine_.write(*file, offset, as_bytes(bytes), {}).code();
}

int Shell::truncate(std::string_view path, std::uint64_t bytes) {
  const auto file = find(path);
  if (!file.ok()) return file.code();
  engine::SetAttributes set;
  set.size = bytes;
  return engine_.setattr(caller_, *file, set).code();
}

int Shell::fsync(std::string_view path) {
  const auto file = find(path);
  return file.ok() ? engine_.fsync(*file).code() : file.code();
}

Result<std::string> Shell::read(std::string_view path) { return read_whole(engine_, TRY(find(path))); }

std::string Shell::cat(std::string_view path) {
  auto contents = read(path);
  return contents.ok() ? *std::move(contents) : "error: " + to_string(contents.error());
}

int Shell::mkdir(std::string_view path, std::uint32_t mode) {
  const auto place = place_of(path);
  if (!place.ok()) return place.code();
  const auto made = engine_.mkdir(caller_, place->parent, place->name, mode);
  if (made.ok()) engine_.forget(made->inode, 1);
  return made.code();
}

int Shell::rmdir(std::string_view path) {
  const auto place = place_of(path);
  return place.ok() ? engine_.rmdir(place->parent, place->name).code() : place.code();
}

int Shell::rm(std::string_view path) {
  const auto place = place_of(path);
  return place.ok() ? engine_.unlink(place->parent, place->name).code() : place.code();
}

int Shell::mv(std::string_view from, std::string_view to) { return mv(from, to, {}); }

int Shell::mv(std::string_view from, std::string_view to, const engine::Rename& flags) {
  const auto source = place_of(from);
  if (!source.ok()) return source.code();
  const auto target = place_of(to);
  if (!target.ok()) return target.code();
  return engine_
      .rename({.parent = source->parent,
               .name = source->name,
               .new_parent = target->parent,
               .new_name = target->name,
               .no_replace = flags.no_replace,
               .exchange = flags.exchange,
               .whiteout = flags.whiteout,
               .caller = flags.caller})
      .code();
}

int Shell::ln(std::string_view existing, std::string_view path) {
  const auto source = find(existing);
  if (!source.ok()) return source.code();
  const auto place = place_of(path);
  if (!place.ok()) return place.code();
  const auto linked = engine_.link(*source, place->parent, place->name);
  if (linked.ok()) engine_.forget(*source, 1);
  return linked.code();
}

int Shell::symlink(std::string_view target, std::string_view path) {
  const auto place = place_of(path);
  if (!place.ok()) return place.code();
  const auto made = engine_.symlink(caller_, place->parent, place->name, target);
  if (made.ok()) engine_.forget(made->inode, 1);
  return made.code();
}

int Shell::chmod(std::string_view path, std::uint32_t mode) {
  const auto file = find(path);
  if (!file.ok()) return file.code();
  engine::SetAttributes set;
  set.mode = mode;
  return engine_.setattr(caller_, *file, set).code();
}

std::vector<std::string> Shell::ls(std::string_view path) {
  std::vector<std::string> names;
  const auto directory = find(path);
  if (!directory.ok()) return {"error: " + to_string(directory.error())};
  const Status listed =
      engine_.readdir(*directory, 0, false, [&](const DirectoryEntry& entry, const Attributes*) {
        if (entry.name != "." && entry.name != "..") names.emplace_back(entry.name);
        return true;
      });
  if (!listed.ok()) return {"error: " + to_string(listed.error())};
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ciaos::test
