#include "support/object_shell.h"

#include <gtest/gtest.h>

namespace ciaos::test {

using namespace engine;

ObjectPath ObjectShell::path_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {std::string(path), ""};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

Result<InodeId> ObjectShell::staged(std::string_view bytes) {
  const InodeId inode = TRY(objects_.stage({}));
  const auto written = engine_.write(inode, 0, as_bytes(bytes), {});
  if (written.ok()) return inode;
  objects_.discard(inode);
  return written.error();
}

int ObjectShell::put(std::string_view path, std::string_view bytes, const ObjectNotes& notes,
                     const ObjectCondition& condition) {
  const auto inode = staged(bytes);
  if (!inode.ok()) return inode.code();
  Objects::Publish publish;
  publish.path = path_of(path);
  publish.staged = *inode;
  publish.notes = notes;
  publish.condition = condition;
  return objects_.publish(publish).code();
}

namespace {

std::vector<std::uint64_t> lengths_of(const std::vector<std::string>& elements) {
  std::vector<std::uint64_t> lengths;
  for (const std::string& element : elements) lengths.push_back(element.size());
  return lengths;
}

std::string joined(const std::vector<std::string>& elements) {
  std::string all;
  for (const std::string& element : elements) all += element;
  return all;
}

}  // namespace

int ObjectShell::put_elements(std::string_view path, const std::vector<std::string>& elements) {
  const auto inode = staged(joined(elements));
  if (!inode.ok()) return inode.code();
  Objects::Publish publish;
  publish.path = path_of(path);
  publish.staged = *inode;
  publish.elements = lengths_of(elements);
  return objects_.publish(publish).code();
}

int ObjectShell::append(std::string_view path, const std::vector<std::string>& elements) {
  const auto inode = staged(joined(elements));
  if (!inode.ok()) return inode.code();
  return objects_.append(path_of(path), *inode, lengths_of(elements)).code();
}

std::string ObjectShell::get(std::string_view path) {
  const auto info = objects_.open(path_of(path));
  if (!info.ok()) return "error: " + to_string(info.error());
  std::string bytes(info->size, '\0');
  const auto got = engine_.read(info->inode, 0, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
  engine_.release(info->inode);
  if (!got.ok()) return "error: " + to_string(got.error());
  bytes.resize(*got);
  return bytes;
}

std::vector<std::string> ObjectShell::get_elements(std::string_view path) {
  const std::string bytes = get(path);
  const auto info = head(path);
  if (!info.ok()) return {"error: " + to_string(info.error())};
  const auto lengths = objects_.elements(info->inode, 1u << 20);
  if (!lengths.ok()) return {"error: " + to_string(lengths.error())};
  std::vector<std::string> elements;
  std::size_t at = 0;
  for (const std::uint64_t length : *lengths) {
    elements.push_back(bytes.substr(at, length));
    at += length;
  }
  return elements;
}

Result<ObjectInfo> ObjectShell::head(std::string_view path) { return objects_.lookup(path_of(path)); }

int ObjectShell::rm(std::string_view path, const ObjectCondition& condition) {
  return objects_.remove(path_of(path), condition).code();
}

int ObjectShell::mv(std::string_view from, std::string_view to) {
  return objects_.rename(path_of(from), path_of(to), {}).code();
}

std::vector<std::string> ObjectShell::ls(const ObjectList& wanted) {
  ObjectList list = wanted;
  std::vector<std::string> keys;
  while (true) {
    const auto page = objects_.list(list);
    if (!page.ok()) return {"error: " + to_string(page.error())};
    for (const ObjectEntry& entry : page->entries) keys.push_back(entry.key);
    if (!page->more) return keys;
    EXPECT_EQ(page->entries.size(), list.limit);
    if (keys.size() > 100'000) return {"error: a listing without end"};
    list.start_after = keys.back();
  }
}

}  // namespace ciaos::test
