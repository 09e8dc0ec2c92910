// The users of the objects' front door and their keys: a file outside every store, so that no copy of a store or of an index
// reveals a secret. ciaosctl writes it, ciaos-sidecar reads it.
//
//   ACCESS-KEY SECRET USER [disabled] [uid=N] [gid=N] [file-mode=OCTAL] [directory-mode=OCTAL]     # a comment
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace ciaos::users {

struct AccessKey {
  std::string user;
  std::string secret;
  bool disabled = false;
  // Of what the user puts, on the mount; absent: as the sidecar was told.
  std::optional<std::uint32_t> uid = {};
  std::optional<std::uint32_t> gid = {};
  std::optional<std::uint32_t> file_mode = {};
  std::optional<std::uint32_t> directory_mode = {};
};
using AccessKeys = std::map<std::string, AccessKey>;  // by access key

struct Line {
  int number = 0;
  std::vector<std::string> words;
};
// Those that are not empty, without comments. Pure.
std::vector<Line> lines_of(std::string_view text);
// EINVAL with the line's number. Pure.
Result<AccessKeys> parse_keys(std::string_view text);

// The contents of a file of secrets. EPERM: others may read it.
Result<std::string> read_secrets(const std::string& path);

// A user's name: what is a bucket's name or a path's component as well, without spaces.
bool is_user_name(std::string_view name);

// Changes of the file, each atomic and durable when it returns; it keeps its owner, group and mode, and is made for its owner
// alone. EEXIST, ENOENT: there is such a user, or there is none.
struct NewKey {
  std::string access_key;
  std::string secret;
};
Result<NewKey> add_user(const std::string& path, const AccessKey& user);
Status disable_user(const std::string& path, const std::string& name);
// New keys instead of those there are, for a disabled user as well.
Result<NewKey> rotate_user(const std::string& path, const std::string& name);

// What is in force. Thread-safe; its mutex is a leaf.
class KeyRing {
 public:
  void set(AccessKeys keys);
  // nullopt: there is none, or its user is disabled.
  std::optional<AccessKey> find(const std::string& access_key) const;
  // Also disabled ones: what they have is theirs.
  bool has_user(const std::string& name) const;

 private:
  std::shared_ptr<const AccessKeys> now() const;
  mutable Mutex mutex_;
  std::shared_ptr<const AccessKeys> keys_ GUARDED_BY(mutex_) = std::make_shared<AccessKeys>();
};

}  // namespace ciaos::users
