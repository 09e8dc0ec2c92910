#include "tools/fsck/own_index.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "store/log_reader.h"

namespace ciaos::fsck {
namespace {

using meta::Index;

Result<std::unique_ptr<Index>> open_copy(Check& check, std::string& copy) {
  if (!check.scratch) check.scratch = TRY(ScratchFolder::make(check.options.scratch_directory));
  copy = check.scratch->path() + "/own";
  std::error_code ignored;
  std::filesystem::remove_all(copy, ignored);
  TRY_VOID(copy_folder(check.index_directory, copy));
  return Index::open(copy, check.superblock.uuid, Index::Mode::existing);
}

Finding damaged(const Check& check, const Error& error) {
  return {.problem = Problem::index_damaged, .name = check.index_directory, .what = to_string(error)};
}
Finding foreign(const Check& check, const std::string& why) {
  return {.problem = Problem::index_foreign, .name = check.index_directory, .what = why};
}
Finding missing(const Check& check) {
  return {.problem = Problem::index_missing, .name = check.index_directory};
}

}  // namespace

Result<OwnIndexOpened> open_own_index(Check& check, OwnIndexAccess access) {
  std::string directory = check.index_directory;
  bool writable = access == OwnIndexAccess::copy;
  std::error_code ignored;
  if (!std::filesystem::is_directory(check.index_directory, ignored))
    return OwnIndexOpened{{}, missing(check)};
  auto index = writable ? open_copy(check, directory)
                        : Index::open(check.index_directory, check.superblock.uuid, Index::Mode::read_only);
  if (!writable && index.code() == EAGAIN) {
    writable = true;
    index = open_copy(check, directory);
  }
  if (index.code() == ENOENT) return OwnIndexOpened{{}, missing(check)};
  if (index.code() == ESTALE) return OwnIndexOpened{{}, foreign(check, to_string(index.error()))};
  if (index.code() == EUCLEAN || index.code() == ENOTSUP)
    return OwnIndexOpened{{}, damaged(check, index.error())};
  if (!index.ok()) return std::move(index).error();

  meta::IndexReader reader = TRY((*index)->reader());
  auto applied = reader.applied();
  if (!applied.ok()) return OwnIndexOpened{{}, damaged(check, applied.error())};
  if (!applied->has_value()) return OwnIndexOpened{{}, missing(check)};  // made, and never filled
  const Status in_log = store::check_txn(*check.volumes, check.superblock.uuid, **applied);
  if (in_log.code() == ESTALE) return OwnIndexOpened{{}, foreign(check, to_string(in_log.error()))};
  if (!in_log.ok()) return in_log.error();
  return OwnIndexOpened{OwnIndex{std::move(*index), **applied, writable, directory}, {}};
}

}  // namespace ciaos::fsck
