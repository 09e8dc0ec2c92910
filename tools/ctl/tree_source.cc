#include "tools/ctl/tree_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ciaos::ctl {
namespace {

constexpr std::size_t kArchiveReadBytes = 1u << 20;

// Of the whole source; EILSEQ is kept for what ends one entry.
Error failure(archive* of, const std::string& path) {
  const int code = archive_errno(of);
  const char* what = archive_error_string(of);
  return fail(code > 0 && code != EILSEQ ? code : EIO,
              path + ": " + (what == nullptr ? "cannot be read" : what));
}

// As the kernel has it, acl(5): version 2, then tag, permissions and id of each entry.
struct ListTag {
  int archive;
  std::uint16_t kernel;
};
constexpr std::array<ListTag, 6> kListTags = {{{ARCHIVE_ENTRY_ACL_USER_OBJ, 1},
                                               {ARCHIVE_ENTRY_ACL_USER, 2},
                                               {ARCHIVE_ENTRY_ACL_GROUP_OBJ, 4},
                                               {ARCHIVE_ENTRY_ACL_GROUP, 8},
                                               {ARCHIVE_ENTRY_ACL_MASK, 16},
                                               {ARCHIVE_ENTRY_ACL_OTHER, 32}}};

std::string list_of(archive_entry* entry, int kind) {
  std::string list(4, '\0');
  list[0] = 2;
  if (archive_entry_acl_reset(entry, kind) == 0) return {};
  int type = 0;
  int permissions = 0;
  int tag = 0;
  int id = 0;
  const char* name = nullptr;
  // The three that say what the mode says come first, and come even where there is no list.
  int others = 0;
  for (const ListTag& wanted : kListTags) {
    archive_entry_acl_reset(entry, kind);
    while (archive_entry_acl_next(entry, kind, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
      if (tag != wanted.archive) continue;
      const bool has_id = wanted.kernel == 2 || wanted.kernel == 8;
      std::array<std::byte, 8> bytes{};
      store_le(bytes.data(), wanted.kernel);
      store_le(bytes.data() + 2, static_cast<std::uint16_t>(permissions & 7));
      store_le(bytes.data() + 4, has_id ? static_cast<std::uint32_t>(id) : ~std::uint32_t{0});
      list.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      ++others;
    }
  }
  const bool says_more = kind == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT ? others > 0 : others > 3;
  return says_more ? list : std::string();
}

void add_lists(archive_entry* from, engine::LoadEntry& entry) {
  const int kinds = archive_entry_acl_types(from);
  const auto add = [&](int kind, const char* name) {
    if ((kinds & kind) == 0) return;
    if (std::string list = list_of(from, kind); !list.empty())
      entry.xattrs.emplace_back(name, std::move(list));
  };
  add(ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access");
  add(ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default");
}

void add_attributes(archive_entry* from, engine::LoadEntry& entry) {
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t bytes = 0;
  archive_entry_xattr_reset(from);
  while (archive_entry_xattr_next(from, &name, &value, &bytes) == ARCHIVE_OK)
    entry.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), bytes));
}

// Where the last component of a directory's path begins, or its end where that is none of its own.
std::size_t begin_of_name(const std::string& path) {
  std::size_t end = path.size();
  while (end > 0 && path[end - 1] == '/') --end;
  const std::size_t slash = path.rfind('/', end == 0 ? 0 : end - 1);
  const std::size_t begin = slash == std::string::npos || end == 0 ? 0 : slash + 1;
  const std::string_view name = std::string_view(path).substr(begin, end - begin);
  return name.empty() || name == "." || name == ".." ? path.size() : begin;
}

}  // namespace

int TreeSource::free_archive(archive* of) { return archive_read_free(of); }
void TreeSource::free_entry(archive_entry* of) { archive_entry_free(of); }
void TreeSource::free_resolver(archive_entry_linkresolver* of) { archive_entry_linkresolver_free(of); }
TreeSource::~TreeSource() = default;

Result<TreeSource> TreeSource::open(const std::string& path) {
  TreeSource source;
  source.path_ = path;
  source.entry_.reset(archive_entry_new());
  struct stat about {};
  if (path != "-" && ::stat(path.c_str(), &about) != 0) return fail(errno, path);
  source.is_directory_ = path != "-" && S_ISDIR(about.st_mode);
  if (source.is_directory_) {
    source.prefix_ = begin_of_name(path);
    source.archive_.reset(archive_read_disk_new());
    source.links_.reset(archive_entry_linkresolver_new());
    archive_entry_linkresolver_set_strategy(source.links_.get(), ARCHIVE_FORMAT_TAR_GNUTAR);
    archive* const disk = source.archive_.get();
    archive_read_disk_set_symlink_physical(disk);
    archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_FFLAGS);
    if (archive_read_disk_open(disk, path.c_str()) != ARCHIVE_OK) return failure(disk, path);
    return source;
  }
  source.whole_bytes_ =
      path == "-" || !S_ISREG(about.st_mode) ? 0 : static_cast<std::uint64_t>(about.st_size);
  source.archive_.reset(archive_read_new());
  archive* const packed = source.archive_.get();
  archive_read_support_filter_all(packed);
  archive_read_support_format_all(packed);
  if (archive_read_open_filename(packed, path == "-" ? nullptr : path.c_str(), kArchiveReadBytes) !=
      ARCHIVE_OK)
    return failure(packed, path);
  return source;
}

std::uint64_t TreeSource::read_bytes() const {
  return whole_bytes_ == 0 ? 0 : static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), -1));
}

// "./a//b/" is "a/b": absolute names lose their slash, as with tar(1).
Result<std::string> TreeSource::path_below(const char* path) const {
  if (path == nullptr) return fail(EILSEQ, path_ + ": a name that cannot be read");
  std::string_view rest = path;
  rest.remove_prefix(std::min(prefix_, rest.size()));
  std::string below;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.empty() || name == ".") continue;
    if (name == "..") return fail(EILSEQ, std::string(path) + ": leads out of what is loaded");
    if (!below.empty()) below += '/';
    below += name;
  }
  return below;
}

Result<bool> TreeSource::next(engine::LoadEntry& entry) {
  has_data_ = false;
  const int got = archive_read_next_header2(archive_.get(), entry_.get());
  if (got == ARCHIVE_EOF) return false;
  // A warning: something about it was not understood, the rest was.
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
    const Error error = failure(archive_.get(), path_);
    return got == ARCHIVE_FAILED || got == ARCHIVE_RETRY ? Error(fail(EILSEQ, error.context)) : error;
  }
  if (is_directory_) {
    archive_read_disk_descend(archive_.get());
    // With this strategy the resolver keeps nothing back.
    archive_entry* one = entry_.release();
    archive_entry* held = nullptr;
    archive_entry_linkify(links_.get(), &one, &held);
    entry_.reset(one);
  }
  TRY_VOID(fill(entry));
  return true;
}

Status TreeSource::fill(engine::LoadEntry& entry) {
  archive_entry* const from = entry_.get();
  entry = {};
  entry.path = TRY(path_below(archive_entry_pathname(from)));
  if (const char* link = archive_entry_hardlink(from)) {
    entry.hard_link = true;
    entry.target = TRY(path_below(link));
    // Some archives repeat the bytes; they are the ones that are there.
    return {};
  }
  entry.mode = archive_entry_mode(from);
  entry.uid = static_cast<std::uint32_t>(archive_entry_uid(from));
  entry.gid = static_cast<std::uint32_t>(archive_entry_gid(from));
  entry.device = archive_entry_rdev(from);
  entry.modified = {archive_entry_mtime(from), static_cast<std::uint32_t>(archive_entry_mtime_nsec(from))};
  entry.accessed = entry.modified;
  if (archive_entry_atime_is_set(from))
    entry.accessed = {archive_entry_atime(from), static_cast<std::uint32_t>(archive_entry_atime_nsec(from))};
  if (S_ISLNK(entry.mode)) {
    const char* target = archive_entry_symlink(from);
    entry.target = target == nullptr ? "" : target;
  }
  has_data_ = S_ISREG(entry.mode);
  if (has_data_) entry.size = static_cast<std::uint64_t>(archive_entry_size(from));
  add_attributes(from, entry);
  add_lists(from, entry);
  return {};
}

Result<std::optional<TreeSource::Block>> TreeSource::next_block() {
  if (!has_data_) return std::optional<Block>();
  const void* data = nullptr;
  std::size_t bytes = 0;
  la_int64_t offset = 0;
  const int got = archive_read_data_block(archive_.get(), &data, &bytes, &offset);
  if (got == ARCHIVE_EOF) return std::optional<Block>();
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return failure(archive_.get(), path_);
  return std::optional<Block>(
      {static_cast<std::uint64_t>(offset), {static_cast<const std::byte*>(data), bytes}});
}

}  // namespace ciaos::ctl
