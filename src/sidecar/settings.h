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
  std::map<std::string, AccessKey> keys;  // by access key
  std::string domain;                     // empty: path-style requests only
  engine::ObjectOwner owner;              // of what is put
};

}  // namespace ciaos::sidecar
