#include "sidecar/native.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/log.h"
#include "sidecar/file_data.h"
#include "sidecar/secrets.h"
#include "sidecar/spool.h"
#include "sidecar/upload.h"

namespace ciaos::sidecar {
namespace {

using engine::ObjectPath;

enum class Verb { put, get, append, update, update_key, remove };
struct Route {
  std::string_view method;
  std::string_view name;
  Verb verb;
  std::size_t keys;
};
constexpr Route kRoutes[] = {
    {"POST", "put", Verb::put, 1},
    {"GET", "get", Verb::get, 1},
    {"POST", "append", Verb::append, 1},
    {"POST", "update", Verb::update, 1},
    {"PUT", "update_key", Verb::update_key, 2},
    {"DELETE", "delete", Verb::remove, 1},
};

struct Target {
  const Route* route = nullptr;
  std::vector<std::string> segments;  // raw, behind the name
};

std::optional<Target> target_of(const HttpHead& head) {
  Target target;
  std::string_view rest = std::string_view(head.path).substr(1);
  const std::size_t slash = rest.find('/');
  const std::string_view name = rest.substr(0, slash);
  const auto* found = std::ranges::find_if(
      kRoutes, [&](const Route& r) { return r.name == name && r.method == head.method; });
  if (found == std::end(kRoutes) || slash == std::string_view::npos) return std::nullopt;
  target.route = found;
  rest.remove_prefix(slash + 1);
  while (true) {
    const std::size_t next = rest.find('/');
    target.segments.emplace_back(rest.substr(0, next));
    if (next == std::string_view::npos) break;
    rest.remove_prefix(next + 1);
  }
  return target;
}

// A refusal: what to answer.
struct Text {
  int status = 0;
  std::string text;
};

Text missing(const std::string& key) {
  return {404, fmt::format("No data found for key: {}, The key does not exist", key)};
}

Text text_of(const Error& error, const std::string& key) {
  switch (error.code) {
    case ENOENT:
    case ENXIO: return missing(key);
    case EEXIST: return {400, "Key already exists"};
    case ENOTDIR: return {400, "Invalid key: a part of it is a key itself"};
    case EISDIR: return {400, "Invalid key: other keys lie below it"};
    case EINVAL: return {400, "Invalid key: no path can spell it"};
    case ENAMETOOLONG: return {400, "Invalid key: it is too long"};
    case EFBIG:
    case ENOTSUP: return {413, "The value is too large"};
    case EPROTO:
    case ECONNRESET: return {400, "The body is not what was announced"};
    case ETIMEDOUT: return {408, "The body comes too slowly"};
    case EXDEV: return {400, "Invalid key: it is on the other side of a quota's border"};
    case EDQUOT: return {507, "The quota is used up"};
    case ENOSPC: return {507, "The store is full"};
    case EROFS: return {503, "The store is read-only"};
    case ENOTCONN: return {503, "The store is not available"};
    default: log(LogLevel::error, "native: {}", to_string(error)); return {500, "Internal error"};
  }
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_usable_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         !name.starts_with(engine::kReservedPrefix) && name.find('/') == std::string_view::npos;
}

class Native {
 public:
  Native(const Settings& settings, rpc::Client& client, Exchange& exchange)
      : settings_(settings), client_(client), exchange_(exchange) {}

  Text run(const Target& target) {
    if (auto refused = identify()) return *refused;
    std::vector<ObjectPath> paths;
    for (const std::string& segment : target.segments) {
      const auto key = percent_decoded(segment);
      if (!key || target.segments.size() != target.route->keys)
        return {400, "Invalid key: not one path segment"};
      keys_.push_back(*key);
      paths.push_back({user_, bucket_.empty() ? *key : bucket_ + "/" + *key});
    }
    switch (target.route->verb) {
      case Verb::put: return put(paths[0]);
      case Verb::get: return get(paths[0]);
      case Verb::append: return append(paths[0]);
      case Verb::update: return update(paths[0]);
      case Verb::update_key: return rename(paths[0], paths[1]);
      case Verb::remove: return remove(paths[0]);
    }
    return {500, "Internal error"};
  }

 private:
  std::optional<Text> identify() {
    const std::string* user = exchange_.head.header("user");
    if (user == nullptr) return Text{400, "Missing User header"};
    if (!is_visible(*user) || !is_usable_name(*user)) return Text{400, "Invalid User header value"};
    user_ = *user;
    if (settings_.authenticate) {
      const std::string given = exchange_.head.header_or_empty("authorization");
      const auto key = given.starts_with("Bearer ") ? settings_.keys->find(given.substr(7)) : std::nullopt;
      if (!key || !same_secret(key->user, user_)) return Text{403, "The access key is not the user's"};
    }
    if (const std::string* bucket = exchange_.head.header("bucket")) {
      if (!is_visible(*bucket) || !is_usable_name(*bucket)) return Text{400, "Invalid Bucket header value"};
      bucket_ = *bucket;
    }
    return std::nullopt;
  }

  // The value that a request carries, checked, as far as an upload that can be published.
  struct Value {
    Spool spool;
    std::vector<std::uint64_t> lengths;
  };
  std::optional<Text> read_value(Value& value, Upload& upload) {
    const Status taken = value.spool.take(exchange_.body, kFileDataBytesMax);
    if (!taken.ok()) return text_of(taken.error(), keys_[0]);
    if (value.spool.bytes().empty()) return Text{400, "No data was uploaded"};
    const FileData parsed = parse_file_data(value.spool.bytes());
    if (!parsed.fault.empty()) return Text{400, parsed.fault};
    for (const ByteSpan element : parsed.elements) {
      value.lengths.push_back(element.size());
      const Status added = upload.add(element);
      if (!added.ok()) return text_of(added.error(), keys_[0]);
    }
    return std::nullopt;
  }

  Text publish(const ObjectPath& path, const engine::ObjectCondition& condition, std::string_view done) {
    Upload upload(client_, exchange_.worker, settings_.owner);
    Value value;
    if (auto refused = read_value(value, upload)) return *refused;
    auto source = upload.finish(value.lengths);
    if (!source.ok()) return text_of(source.error(), keys_[0]);
    const rpc::Client::Publish publish{
        .path = path, .source = *source, .owner = settings_.owner, .notes = {}, .condition = condition};
    const auto published = client_.publish(publish);
    if (published.code() == ECANCELED) return missing(keys_[0]);
    if (!published.ok()) return text_of(published.error(), keys_[0]);
    return {200, fmt::format("{}: key = {}", done, keys_[0])};
  }

  Text put(const ObjectPath& path) {
    auto there = client_.lookup(path);
    if (there.ok()) return {400, "Key already exists"};
    if (there.code() != ENOENT && there.code() != ENXIO) return text_of(there.error(), keys_[0]);
    if (there.code() == ENXIO) {
      // The user's first value.
      const Status made = client_.create_bucket(user_, settings_.owner, {{"owner", user_}});
      if (!made.ok() && made.code() != EEXIST) return text_of(made.error(), keys_[0]);
    }
    return publish(path, {.absent = true, .if_match = {}, .if_none_match = {}}, "Data uploaded successfully");
  }

  Text update(const ObjectPath& path) {
    const auto there = client_.lookup(path);
    if (!there.ok()) return text_of(there.error(), keys_[0]);
    return publish(path, {.absent = false, .if_match = {"*"}, .if_none_match = {}},
                   "Data uploaded successfully");
  }

  Text append(const ObjectPath& path) {
    const auto there = client_.lookup(path);
    if (!there.ok()) return text_of(there.error(), keys_[0]);
    Upload upload(client_, exchange_.worker, settings_.owner);
    Value value;
    if (auto refused = read_value(value, upload)) return *refused;
    auto source = upload.finish(value.lengths);
    if (!source.ok()) return text_of(source.error(), keys_[0]);
    const auto appended = client_.append(path, *source, settings_.owner);
    if (!appended.ok()) return text_of(appended.error(), keys_[0]);
    return {200, fmt::format("Data appended successfully: key = {}", keys_[0])};
  }

  Text rename(const ObjectPath& from, const ObjectPath& to) {
    const Status renamed = client_.rename(from, to, settings_.owner);
    if (renamed.code() == EEXIST) return {409, fmt::format("Key already exists: {}", keys_[1])};
    if (!renamed.ok()) return text_of(renamed.error(), keys_[0]);
    return {200, fmt::format("Key updated successfully from {} to {}", keys_[0], keys_[1])};
  }

  Text remove(const ObjectPath& path) {
    const Status removed = client_.remove(path, {});
    if (!removed.ok()) return text_of(removed.error(), keys_[0]);
    return {200, fmt::format("File deleted successfully: key = {}", keys_[0])};
  }

  // Answers itself, unless it has to refuse.
  Text get(const ObjectPath& path) {
    const auto opened = client_.open(path, nullptr, 0, 0);
    if (!opened.ok()) return text_of(opened.error(), keys_[0]);
    const Text text = get_opened(*opened);
    client_.close(opened->handle);
    return text;
  }

  Text get_opened(const rpc::Opened& opened) {
    const auto lengths = client_.elements(opened.handle);
    if (!lengths.ok()) return text_of(lengths.error(), keys_[0]);
    const auto layout = lay_out_file_data(*lengths);
    if (!layout) return {413, "The value is too large for a FlatBuffer"};
    exchange_.begin(200, {{"Content-Type", "application/octet-stream"}}, layout->bytes,
                    as_bytes(layout->head));
    std::uint64_t offset = 0;
    for (const std::uint64_t length : *lengths) {
      if (!send_element(opened.handle, offset, length)) break;
      offset += length;
    }
    return {};
  }

  bool send_element(InodeId handle, std::uint64_t offset, std::uint64_t length) {
    ByteWriter prefix;
    prefix.number(static_cast<std::uint32_t>(length));
    if (!exchange_.send(prefix.buffer())) return false;
    for (std::uint64_t done = 0; done < length;) {
      const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, length - done);
      const auto count = client_.read(handle, offset + done, wanted, exchange_.worker.memory);
      if (!count.ok() || *count == 0) {
        exchange_.break_off();
        return false;
      }
      if (!exchange_.send(exchange_.worker.memory.bytes().first(*count))) return false;
      done += *count;
    }
    constexpr std::array<std::byte, 3> kZeros{};
    return exchange_.send(ByteSpan(kZeros).first(file_data_padding(length)));
  }

  const Settings& settings_;
  rpc::Client& client_;
  Exchange& exchange_;
  std::string user_;
  std::string bucket_;
  std::vector<std::string> keys_;  // decoded, as the texts show them
};

}  // namespace

bool is_native(const HttpHead& head) { return target_of(head).has_value(); }

void answer_native(const Settings& settings, Store& store, Exchange& exchange) {
  const auto client = store.client();
  Text text{503, "The store is not available"};
  if (client.ok()) text = Native(settings, **client, exchange).run(*target_of(exchange.head));
  if (!exchange.answered())
    exchange.answer(text.status, {{"Content-Type", "text/plain; charset=utf-8"}}, text.text);
}

}  // namespace ciaos::sidecar
