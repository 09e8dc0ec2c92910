// What the sidecar was told at its start. Constant, but for who has keys.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "rpc/client.h"
#include "users/access_keys.h"

namespace ciaos::sidecar {

struct Settings {
  bool authenticate = true;
  std::shared_ptr<users::KeyRing> keys = std::make_shared<users::KeyRing>();  // read anew at SIGHUP
  std::map<std::string, std::string> encryption_keys;                         // by name, 32 bytes each
  std::string encryption_key;  // the name of the one for new objects
  std::string domain;          // empty: path-style requests only
  engine::ObjectOwner owner;   // of what is put, unless its user has another
};

// Whose a user's files are on the mount: as `usual`, but for what the key says itself.
engine::ObjectOwner owner_of(const engine::ObjectOwner& usual, const users::AccessKey& key);

}  // namespace ciaos::sidecar
