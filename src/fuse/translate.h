// The kernel's words into the engine's, and back. Pure.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "fuse/libfuse.h"

namespace ciaos::fuse {

struct stat stat_of(const engine::Attributes& attributes);
// How long a kernel may believe these attributes. Not at all for reports, nor with set-id bits on a file: a write past the
// page cache drops them without the kernel's knowing, and a program that was changed must not run with them.
double valid_seconds_of(const engine::Attributes& attributes);
fuse_entry_param entry_of(const engine::Attributes& attributes);
// "There is no such name", remembered by the kernel.
fuse_entry_param negative_entry();
struct statvfs statvfs_of(const engine::FilesystemStatistics& statistics);

// With the umask, which a default access control list replaces: DONT_MASK leaves it to the engine. Without the further
// groups, which the kernel does not send.
engine::Caller caller_of(const fuse_ctx& context);

// `to_set` is a set of FUSE_SET_ATTR_*.
engine::SetAttributes set_attributes_of(const struct stat& wanted, int to_set, const engine::Caller& caller);
// How long the answer to a SETATTR stays true. One that sets nothing announces a write that may drop set-id bits, of which the
// kernel would not hear.
double valid_seconds_after(int to_set);
// EINVAL for flags other than RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT.
Result<engine::Rename> rename_of(InodeId parent, std::string_view name, InodeId new_parent,
                                 std::string_view new_name, unsigned flags, const engine::Caller& caller);
// Of XATTR_CREATE and XATTR_REPLACE at once the first holds, as on XFS of Linux 6.18. EINVAL for other flags.
Result<engine::XattrMode> xattr_mode_of(int flags);

// Of open(2)'s flags.
engine::Engine::OpenMode open_mode_of(int flags);
bool asks_for_sync(int flags);
// Pages that were dirtied through mmap come back with the flags of some open file, but at an offset of their own.
engine::Engine::WriteMode write_mode_of(const fuse_file_info& file, const engine::Caller& caller);

// Of lseek(2); EINVAL for all but SEEK_DATA and SEEK_HOLE, the others are the kernel's.
Result<engine::SeekTo> seek_of(int whence);
// `mode` is a set of FALLOC_FL_*; EOPNOTSUPP for those that are not served.
Result<engine::RangeChange> range_change_of(int mode, off_t offset, off_t length,
                                            const engine::Caller& caller);

// Each name followed by a NUL, as listxattr(2) wants them.
std::string joined_names(const std::vector<std::string>& names);

}  // namespace ciaos::fuse
