// What the sidecar was told at its start. Constant.
#pragma once

#include <map>
#include <string>

#include "rpc/client.h"

namespace ciaos::sidecar {

struct AccessKey {
  std::string user;
  std::string secret;
};

struct Settings {
  bool authenticate = true;
  std::map<std::string, AccessKey> keys;               // by access key
  std::map<std::string, std::string> encryption_keys;  // by name, 32 bytes each
  std::string encryption_key;                          // the name of the one for new objects
  std::string domain;                                  // empty: path-style requests only
  engine::ObjectOwner owner;                           // of what is put
};

}  // namespace ciaos::sidecar
