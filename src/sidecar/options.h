// argv and environment of ciaos-sidecar. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sidecar/settings.h"

namespace ciaos::sidecar {

struct Options {
  std::string place;  // a store, or a socket
  std::string listen = "127.0.0.1:9710";
  bool no_auth = false;
  std::string keys_file;
  std::string encryption_keys_file;
  std::string tls_certificate;
  std::string tls_key;
  std::string domain;
  engine::ObjectOwner owner;
  bool owner_given = false;
  std::string daemon = "ciaosfs";
  bool help = false;
  bool version = false;
};

// `arguments` without argv[0]; `storage_directory` is what STORAGE_DIRECTORY says. EINVAL with a sentence.
Result<Options> parse_options(std::span<const std::string_view> arguments,
                              const std::string& storage_directory);
std::string help_text();

// Lines "NAME KEY", the key being 32 bytes in base64: into `settings`, the first as the one for new objects.
Status take_encryption_keys(std::string_view text, Settings& settings);
using users::parse_keys;

}  // namespace ciaos::sidecar
