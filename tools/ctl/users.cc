// ciaosctl user: who may come to the objects through ciaos-sidecar.
#include <fmt/format.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "users/access_keys.h"

namespace ciaos::ctl {
namespace {

struct Asked {
  std::string keys;
  std::string name;
  std::string owner;
  std::string file_mode;
  std::string directory_mode;
};

std::optional<std::uint32_t> octal(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(text, nullptr, 8));
}

// The one time that the secret is shown.
Result<int> show_key(const Ctl& ctl, const std::string& user, const users::NewKey& made) {
  if (ctl.json) {
    rpc::Record record{"user", {}};
    record.add("user", user);
    record.add("access_key", made.access_key);
    record.add("secret", made.secret);
    print(json_of(record) + "\n");
    return kExitOk;
  }
  print(fmt::format("access key  {}\nsecret      {}\n", made.access_key, made.secret));
  say("the secret is not shown again; a sidecar that runs reads the keys at SIGHUP");
  return kExitOk;
}

Result<int> add(const Ctl& ctl, const Asked& asked) {
  users::AccessKey user;
  user.user = asked.name;
  if (!asked.owner.empty()) {
    const std::size_t colon = asked.owner.find(':');
    user.uid = static_cast<std::uint32_t>(std::stoul(asked.owner.substr(0, colon)));
    user.gid = static_cast<std::uint32_t>(std::stoul(asked.owner.substr(colon + 1)));
  }
  user.file_mode = octal(asked.file_mode);
  user.directory_mode = octal(asked.directory_mode);
  return show_key(ctl, asked.name, TRY(users::add_user(asked.keys, user)));
}

Result<int> list(const Ctl& ctl, const Asked& asked) {
  Table table({"USER", "ACCESS KEY", "STATE"});
  rpc::Records records;
  for (const auto& [access_key, key] : TRY(users::parse_keys(TRY(users::read_secrets(asked.keys))))) {
    const char* state = key.disabled ? "disabled" : "enabled";
    table.add({key.user, access_key, state});
    rpc::Record& record = records.emplace_back(rpc::Record{"user", {}});
    record.add("user", key.user);
    record.add("access_key", access_key);
    record.add("state", std::string(state));
  }
  print(ctl.json ? json_of(records) + "\n" : table.text());
  return kExitOk;
}

Result<int> disable(const Asked& asked) {
  TRY_VOID(users::disable_user(asked.keys, asked.name));
  return kExitOk;
}

}  // namespace

void add_user(CLI::App& app, Ctl& ctl) {
  auto* user = app.add_subcommand("user", "Who may come to the objects through ciaos-sidecar");
  user->require_subcommand(1);
  auto asked = std::make_shared<Asked>();
  const auto with_keys = [&](CLI::App* verb) {
    verb->add_option("--keys", asked->keys, "The file that the sidecar was given")
        ->type_name("FILE")
        ->required();
    return verb;
  };
  const auto with_name = [&](CLI::App* verb) {
    with_keys(verb);
    verb->add_option("NAME", asked->name, "The user")->required();
    return verb;
  };
  auto* adding = with_name(user->add_subcommand("add", "Makes a user, and shows the keys, once"));
  adding->add_option("--owner", asked->owner, "Who owns on the mount what the user puts")
      ->type_name("UID:GID")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const std::size_t colon = text.find(':');
            const auto is_number = [](const std::string& t) {
              return !t.empty() && t.size() < 10 && t.find_first_not_of("0123456789") == std::string::npos;
            };
            const bool good = colon != std::string::npos && is_number(text.substr(0, colon)) &&
                              is_number(text.substr(colon + 1));
            return good ? std::string() : "not UID:GID: " + text;
          },
          ""));
  const CLI::Validator is_mode(
      [](const std::string& text) {
        const bool good = text.size() <= 5 && text.find_first_not_of("01234567") == std::string::npos;
        return good && octal(text).value_or(0) <= 07777 ? std::string() : "not a mode: " + text;
      },
      "");
  adding->add_option("--file-mode", asked->file_mode, "Permission bits of files that the user puts")
      ->type_name("MODE")
      ->check(is_mode);
  adding->add_option("--directory-mode", asked->directory_mode, "And of directories on their way")
      ->type_name("MODE")
      ->check(is_mode);
  adding->callback([&ctl, asked] { ctl.run = [&ctl, asked] { return add(ctl, *asked); }; });
  with_keys(user->add_subcommand("list", "Users, without their secrets"))->callback([&ctl, asked] {
    ctl.run = [&ctl, asked] { return list(ctl, *asked); };
  });
  with_name(user->add_subcommand("disable", "Lets a user in no more; what is the user's stays so"))
      ->callback([&ctl, asked] { ctl.run = [asked] { return disable(*asked); }; });
  with_name(user->add_subcommand("rotate", "New keys instead of the old ones"))->callback([&ctl, asked] {
    ctl.run = [&ctl, asked]() -> Result<int> {
      return show_key(ctl, asked->name, TRY(users::rotate_user(asked->keys, asked->name)));
    };
  });
}

}  // namespace ciaos::ctl
