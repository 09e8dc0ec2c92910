#include "sidecar/options.h"

#include <fmt/core.h>

#include <charconv>

#include "sidecar/cipher.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

Result<std::uint32_t> number_of(std::string_view text, int base) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    return fail(EINVAL, fmt::format("not a number: {}", text));
  return number;
}

Status take_value(Options& options, std::string_view name, std::string_view value) {
  if (name == "--listen") {
    options.listen = value;
  } else if (name == "--keys") {
    options.keys_file = value;
  } else if (name == "--encryption-keys") {
    options.encryption_keys_file = value;
  } else if (name == "--tls-cert") {
    options.tls_certificate = value;
  } else if (name == "--tls-key") {
    options.tls_key = value;
  } else if (name == "--domain") {
    options.domain = value;
  } else if (name == "--daemon") {
    options.daemon = value;
  } else if (name == "--owner") {
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos) return fail(EINVAL, "--owner takes UID:GID");
    options.owner_given = true;
    options.owner.uid = TRY(number_of(value.substr(0, colon), 10));
    options.owner.gid = TRY(number_of(value.substr(colon + 1), 10));
  } else if (name == "--file-mode") {
    options.owner.file_mode = TRY(number_of(value, 8)) & 07777;
  } else if (name == "--directory-mode") {
    options.owner.directory_mode = TRY(number_of(value, 8)) & 07777;
  } else {
    return fail(EINVAL, fmt::format("unknown option {}", name));
  }
  return {};
}

bool take_flag(Options& options, std::string_view name) {
  if (name == "--no-auth") {
    options.no_auth = true;
  } else if (name == "--help" || name == "-h") {
    options.help = true;
  } else if (name == "--version" || name == "-V") {
    options.version = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> arguments,
                              const std::string& storage_directory) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (!argument.starts_with('-')) {
      if (!options.place.empty())
        return fail(EINVAL, fmt::format("one store or socket, not also {}", argument));
      options.place = argument;
      continue;
    }
    if (take_flag(options, argument)) continue;
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos && i + 1 == arguments.size())
      return fail(EINVAL, fmt::format("{} is unknown, or needs a value", argument));
    const std::string_view value =
        equals == std::string_view::npos ? arguments[++i] : argument.substr(equals + 1);
    TRY_VOID(take_value(options, argument.substr(0, equals), value));
  }
  if (options.help || options.version) return options;
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return fail(EINVAL, "--tls-cert and --tls-key come together");
  if (options.place.empty()) options.place = storage_directory;
  if (options.place.empty()) return fail(EINVAL, "no store was given: name one, or set STORAGE_DIRECTORY");
  return options;
}

std::string help_text() {
  return "usage: ciaos-sidecar [STORE|SOCKET] [OPTION...]\n"
         "\n"
         "Serves the objects of a store over HTTP: the native API and S3. Without STORE the environment "
         "variable\n"
         "STORAGE_DIRECTORY names it. When no daemon has the store open, one is started.\n"
         "\n"
         "  --listen ADDR:PORT     where to listen (default: 127.0.0.1:9710)\n"
         "  --keys FILE            access keys: lines of ACCESS-KEY SECRET USER\n"
         "  --encryption-keys FILE keys that objects are encrypted with: lines of NAME and 32 bytes in "
         "base64\n"
         "  --no-auth              serve everybody; on loopback addresses only\n"
         "  --tls-cert FILE        speak TLS with this certificate (PEM, with its chain)\n"
         "  --tls-key FILE         and its key (PEM)\n"
         "  --domain NAME          also take requests for BUCKET.NAME\n"
         "  --owner UID:GID        who owns what is put, on the mount (default: who runs this)\n"
         "  --file-mode MODE       permission bits of files that are put (default: 0644)\n"
         "  --directory-mode MODE  and of directories that are made on the way (default: 0755)\n"
         "  --daemon PROGRAM       what to start when nobody has the store open (default: ciaosfs)\n"
         "  -h, --help             this text\n"
         "  -V, --version          the version\n";
}

engine::ObjectOwner owner_of(const engine::ObjectOwner& usual, const users::AccessKey& key) {
  return {.uid = key.uid.value_or(usual.uid),
          .gid = key.gid.value_or(usual.gid),
          .file_mode = key.file_mode.value_or(usual.file_mode),
          .directory_mode = key.directory_mode.value_or(usual.directory_mode)};
}

Status take_encryption_keys(std::string_view text, Settings& settings) {
  for (const auto& [number, words] : users::lines_of(text)) {
    const auto key = words.size() == 2 ? from_base64(words[1]) : std::nullopt;
    if (!key || key->size() != kCipherKeyBytes)
      return fail(EINVAL, fmt::format("line {}: not NAME and 32 bytes in base64", number));
    if (!settings.encryption_keys.emplace(words[0], *key).second)
      return fail(EINVAL, fmt::format("line {}: the same name again", number));
    if (settings.encryption_key.empty()) settings.encryption_key = words[0];
  }
  return settings.encryption_key.empty() ? Status(fail(EINVAL, "no encryption key")) : Status();
}

}  // namespace ciaos::sidecar
