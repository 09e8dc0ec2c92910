// Files and folders as salvage leaves them: made with what their rows say of them.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "meta/rows.h"

namespace ciaos::fsck {

// All of these refuse to follow a link or to overwrite anything.
Status make_folder(const std::string& path);
Status make_empty_file(const std::string& path);
Status make_symlink(const std::string& path, const std::string& target);
Status make_special(const std::string& path, const meta::InodeRow& row);
Status make_link(const std::string& old_path, const std::string& path);
Status write_at(const std::string& path, std::uint64_t offset, ByteSpan bytes);
Status set_size(const std::string& path, std::uint64_t bytes);
Status set_attribute(const std::string& path, const std::string& name, const std::string& value);
// Owner, where we may, mode and times; folders after what is in them.
Status dress(const std::string& path, const meta::InodeRow& row);
// `path`, or with a number behind it if something is there.
std::string unused(const std::string& path);

}  // namespace ciaos::fsck
