#include "support/file_tree.h"

#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/digest.h"

namespace ciaos::test {

using engine::Attributes;
using engine::DirectoryEntry;
using engine::Engine;

namespace {

std::string text_of(const Timestamp& time) { return fmt::format("{}.{:09}", time.seconds, time.nanoseconds); }

std::string describe_contents(std::string_view bytes, const Digest& digest) {
  return fmt::format(" contents={}:{:016x}{:016x}", bytes.size(), digest.high, digest.low);
}

std::string describe_xattr(std::string_view name, std::string_view value) {
  const Digest digest = digest_of(as_bytes(value));
  return fmt::format(" {}={}:{:016x}", name, value.size(), digest.low);
}

// --- of a model ---

void add_subtree(const ModelFilesystem& model, InodeId number, const std::string& path, FileTree& tree) {
  const ModelInode& inode = *model.inodes().at(number);
  std::string line = describe(inode.attributes);
  if (inode.is_regular()) line += describe_contents(inode.contents->bytes, inode.contents->digest);
  if (S_ISLNK(inode.attributes.mode)) line += " target=" + inode.target;
  for (const auto& [name, value] : inode.xattrs) line += describe_xattr(name, value);
  tree[path] = std::move(line);
  for (const auto& [name, child] : inode.names) add_subtree(model, child, path + "/" + name, tree);
}

// --- of an engine ---

struct Child {
  std::string name;
  Attributes attributes;
};

class EngineWalk {
 public:
  explicit EngineWalk(Engine& engine) : engine_(engine) {}

  Result<FileTree> run() {
    const Attributes root = TRY(engine_.getattr(kRootInode));
    TRY_VOID(add_subtree(root, kRootInode, ""));
    for (const auto& [inode, link] : links_) {
      if (link.names != link.claimed) {
        return fail(EUCLEAN, fmt::format("{}: {} links, but {} names", link.path, link.claimed, link.names));
      }
    }
    return std::move(tree_);
  }

 private:
  struct Links {
    std::string path;
    std::uint32_t claimed = 0;
    std::uint32_t names = 0;
  };

  Status add_subtree(const Attributes& attributes, InodeId parent, const std::string& path) {
    std::string line = describe(attributes);
    TRY_VOID(describe_data(attributes, path, line));
    std::map<std::string, std::string> xattrs;
    for (const std::string& name : TRY(engine_.listxattr({}, attributes.inode))) {
      xattrs[name] = TRY(engine_.getxattr(attributes.inode, name));
    }
    for (const auto& [name, value] : xattrs) line += describe_xattr(name, value);
    tree_[path] = std::move(line);
    if (S_ISDIR(attributes.mode)) return add_children(attributes, parent, path);
    Links& links = links_[attributes.inode];
    links.path = path;
    links.claimed = attributes.links;
    ++links.names;
    return {};
  }

  Status describe_data(const Attributes& attributes, const std::string& path, std::string& line) {
    if (S_ISLNK(attributes.mode)) {
      const std::string target = TRY(engine_.readlink(attributes.inode));
      if (target.size() != attributes.size) return fail(EUCLEAN, path + ": size is not the target's length");
      line += " target=" + target;
    }
    if (S_ISREG(attributes.mode)) {
      auto contents = read_whole(engine_, attributes.inode);
      if (!contents.ok()) return with_context(std::move(contents).error(), path);
      if (contents->size() != attributes.size) return fail(EUCLEAN, path + ": size is not what can be read");
      if (attributes.blocks512 * 512 > align_up(attributes.size, 4096)) {
        return fail(EUCLEAN,
                    fmt::format("{}: {} blocks for {} bytes", path, attributes.blocks512, attributes.size));
      }
      line += describe_contents(*contents, digest_of(as_bytes(*contents)));
    }
    return {};
  }

  Status add_children(const Attributes& directory, InodeId parent, const std::string& path) {
    if (TRY(engine_.parent_of(directory.inode)) != parent) return fail(EUCLEAN, path + ": another parent");
    std::uint32_t subdirectories = 0;
    for (const Child& child : TRY(list(directory.inode, parent, path))) {
      if (S_ISDIR(child.attributes.mode)) ++subdirectories;
      TRY_VOID(add_subtree(child.attributes, directory.inode, path + "/" + child.name));
    }
    if (directory.links != 2 + subdirectories) {
      return fail(EUCLEAN,
                  fmt::format("{}: {} links with {} subdirectories", path, directory.links, subdirectories));
    }
    return {};
  }

  Result<std::vector<Child>> list(InodeId directory, InodeId parent, const std::string& path) {
    std::vector<Child> children;
    std::uint64_t position = 0;
    std::string wrong;
    const auto take = [&](const DirectoryEntry& entry, const Attributes* attributes) {
      if (entry.position <= position) wrong = fmt::format("{}/{}: position does not grow", path, entry.name);
      position = entry.position;
      if (entry.name == "." || entry.name == "..") {
        if (entry.inode != (entry.name == "." ? directory : parent)) {
          wrong = fmt::format("{}/{}: is another inode", path, entry.name);
        }
        return true;
      }
      if (attributes == nullptr || attributes->inode != entry.inode ||
          IFTODT(attributes->mode) != entry.type) {
        wrong = fmt::format("{}/{}: entry and attributes differ", path, entry.name);
      }
      children.push_back({std::string(entry.name), attributes == nullptr ? Attributes{} : *attributes});
      return true;
    };
    TRY_VOID(engine_.readdir(directory, 0, true, take));
    for (const Child& child : children) {
      const Attributes found = TRY(engine_.lookup(directory, child.name));
      if (describe(found) != describe(child.attributes)) {
        wrong = fmt::format("{}/{}: lookup and listing differ: {} and {}", path, child.name, describe(found),
                            describe(child.attributes));
      }
      engine_.forget(child.attributes.inode, 2);
    }
    if (!wrong.empty()) return fail(EUCLEAN, wrong);
    return children;
  }

  Engine& engine_;
  FileTree tree_;
  std::map<InodeId, Links> links_;
};

}  // namespace

std::string describe(const Attributes& a) {
  std::string line = fmt::format("inode={} mode={:o} uid={} gid={} links={}", a.inode.value(), a.mode, a.uid,
                                 a.gid, a.links);
  if (!S_ISDIR(a.mode)) line += fmt::format(" size={}", a.size);
  if (a.device != 0) line += fmt::format(" device={}", a.device);
  if (a.flags != 0) line += fmt::format(" flags={:x}", a.flags);
  return line + fmt::format(" a={} m={} c={} b={}", text_of(a.accessed), text_of(a.modified),
                            text_of(a.changed), text_of(a.born));
}

FileTree tree_of(const ModelFilesystem& model) {
  FileTree tree;
  add_subtree(model, kRootInode, "", tree);
  return tree;
}

Result<FileTree> tree_of(Engine& engine) { return EngineWalk(engine).run(); }

std::string difference(const FileTree& expected, const FileTree& actual, std::size_t lines) {
  std::string text;
  std::size_t found = 0;
  const auto add = [&](const std::string& line) {
    if (found++ < lines) text += line + "\n";
  };
  for (const auto& [path, line] : expected) {
    const auto other = actual.find(path);
    if (other == actual.end())
      add(fmt::format("missing  {}/  {}", path, line));
    else if (other->second != line)
      add(fmt::format("{}/\n  expected {}\n  actual   {}", path, line, other->second));
  }
  for (const auto& [path, line] : actual) {
    if (!expected.contains(path)) add(fmt::format("too much {}/  {}", path, line));
  }
  if (found > lines) text += fmt::format("and {} more\n", found - lines);
  return text;
}

Result<std::string> read_whole(Engine& engine, InodeId inode) {
  constexpr std::size_t kPieceBytes = 300'007;
  std::string contents;
  for (;;) {
    const std::size_t before = contents.size();
    contents.resize(before + kPieceBytes);
    const MutableByteSpan into(reinterpret_cast<std::byte*>(contents.data()) + before, kPieceBytes);
    const std::size_t bytes = TRY(engine.read(inode, before, into));
    contents.resize(before + bytes);
    if (bytes < kPieceBytes) return contents;
  }
}

}  // namespace ciaos::test
