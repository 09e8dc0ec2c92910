#include "daemon/configuration.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace ciaos::daemon {
namespace {

enum class ValueForm { number, text, word, boolean };

struct Key {
  std::string_view name;
  ValueForm form;
  std::string_view preset;  // as it is printed
  std::string_view unit;
  std::string_view words;  // of the options: what a word may be; of a boolean what true and what false is
};

constexpr Key kKeys[] = {
    {"commit", ValueForm::number, "5", "seconds", ""},
    {"mem", ValueForm::text, "\"352M\"", "bytes", ""},
    {"compact", ValueForm::text, "\"64M\"", "bytes a second", ""},
    {"atime", ValueForm::word, "\"noatime\"", "", "noatime relatime strictatime"},
    {"read_only", ValueForm::boolean, "false", "", "ro rw"},
    {"allow_other", ValueForm::boolean, "", "true for root's mounts", "allow_other noallow_other"},
    {"wait", ValueForm::number, "10", "seconds", ""},
    {"scratch", ValueForm::text, "\"/var/tmp\"", "a folder", ""},
};

std::vector<std::string_view> words_of(const Key& key) {
  std::vector<std::string_view> words;
  std::string_view rest = key.words;
  while (!rest.empty()) {
    words.push_back(rest.substr(0, rest.find(' ')));
    rest.remove_prefix(std::min(rest.size(), words.back().size() + 1));
  }
  return words;
}

const Key* find_key(std::string_view name) {
  const auto* key =
      std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) { return k.name == name; });
  return key == std::end(kKeys) ? nullptr : key;
}

std::string variable_of(const Key& key) {
  std::string name = "CIAOSFS_";
  for (const char letter : key.name) {
    name.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(letter))));
  }
  return name;
}

Result<std::string> option_of(const Key& key, const std::string& value) {
  if (key.form == ValueForm::number || key.form == ValueForm::text)
    return fmt::format("{}={}", key.name, value);
  const std::vector<std::string_view> words = words_of(key);
  if (key.form == ValueForm::boolean) {
    if (value == "true") return std::string(words.front());
    if (value == "false") return std::string(words.back());
    return fail(EINVAL, "is true or false");
  }
  if (std::find(words.begin(), words.end(), value) != words.end()) return value;
  return fail(EINVAL, fmt::format("is one of: {}", key.words));
}

// What `option` says of this key, as the file would spell it; empty if it speaks of something else.
std::string value_in(const Key& key, std::string_view option) {
  if (key.form == ValueForm::number || key.form == ValueForm::text) {
    if (!option.starts_with(key.name) || option.substr(key.name.size(), 1) != "=") return "";
    const std::string_view value = option.substr(key.name.size() + 1);
    return key.form == ValueForm::number ? std::string(value) : fmt::format("\"{}\"", value);
  }
  const std::vector<std::string_view> words = words_of(key);
  if (std::find(words.begin(), words.end(), option) == words.end()) return "";
  if (key.form == ValueForm::word) return fmt::format("\"{}\"", option);
  return option == words.front() ? "true" : "false";
}

std::string source_of(const SourcedOption& option) {
  return option.source.empty() ? "option" : option.source;
}

std::vector<HeldSetting> held_keys(std::span<const SourcedOption> options) {
  std::vector<HeldSetting> held;
  for (const Key& key : kKeys) {
    HeldSetting setting{.name = std::string(key.name),
                        .value = std::string(key.preset),
                        .source = "default",
                        .unit = std::string(key.unit)};
    for (const SourcedOption& option : options) {
      if (const std::string said = value_in(key, option.text); !said.empty()) {
        setting.value = said;
        setting.source = source_of(option);
      }
    }
    held.push_back(std::move(setting));
  }
  return held;
}

}  // namespace

Result<std::vector<SourcedOption>> options_of(std::span<const Setting> settings) {
  std::vector<SourcedOption> options;
  for (const Setting& setting : settings) {
    const Key* key = find_key(setting.key);
    if (key == nullptr) return fail(EINVAL, fmt::format("{}: there is no {}", setting.source, setting.key));
    auto option = option_of(*key, setting.value);
    if (!option) {
      return with_context(option.error(),
                          fmt::format("{}: {} = {}", setting.source, setting.key, setting.value));
    }
    options.push_back({*std::move(option), setting.source});
  }
  return options;
}

std::vector<Setting> settings_of_environment(std::span<const std::pair<std::string, std::string>> variables) {
  std::vector<Setting> settings;
  for (const Key& key : kKeys) {
    const std::string name = variable_of(key);
    for (const auto& [variable, value] : variables) {
      if (variable == name) settings.push_back({std::string(key.name), value, name});
    }
  }
  return settings;
}

std::vector<HeldSetting> held_settings(std::span<const SourcedOption> options) {
  std::vector<HeldSetting> held = held_keys(options);
  std::vector<OptionPreset> presets = option_presets();
  std::erase_if(presets, [](const OptionPreset& preset) { return find_key(preset.name) != nullptr; });
  for (const OptionPreset& preset : presets) {
    HeldSetting setting{.name = preset.name, .value = preset.value, .source = "default", .unit = preset.unit};
    for (const SourcedOption& option : options) {
      if (!option.text.starts_with(preset.name + "=")) continue;
      setting.value = option.text.substr(preset.name.size() + 1);
      setting.source = source_of(option);
    }
    held.push_back(std::move(setting));
  }
  return held;
}

std::string print_configuration(std::span<const SourcedOption> options) {
  std::string text = "[mount]\n";
  for (const HeldSetting& key : held_keys(options)) {
    // Without a value it depends on the mount; a file that is silent of it says the same.
    std::string line =
        key.value.empty() ? fmt::format("# {}", key.name) : fmt::format("{} = {}", key.name, key.value);
    text += fmt::format("{:28}  # {}", line, key.source);
    if (!key.unit.empty()) text += fmt::format("; {}", key.unit);
    text += '\n';
  }
  return text;
}

std::vector<std::string> configurable_keys() {
  std::vector<std::string> keys;
  for (const Key& key : kKeys) keys.emplace_back(key.name);
  return keys;
}

}  // namespace ciaos::daemon
