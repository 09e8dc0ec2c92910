// What control verbs answer with: records of named fields, so that a program that knows a field by name finds it whatever
// else is told beside it, and one that knows none can show them all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ciaos::rpc {

struct Field {
  std::string name;
  std::variant<std::uint64_t, bool, std::string> value;
  bool operator==(const Field&) const = default;
};

struct Record {
  std::string kind;  // "volume"
  std::vector<Field> fields;

  Record& add(std::string name, std::uint64_t value) { return put(std::move(name), value); }
  Record& add_truth(std::string name, bool value) { return put(std::move(name), value); }
  Record& add(std::string name, std::string value) { return put(std::move(name), std::move(value)); }

  const Field* find(std::string_view name) const {
    for (const Field& field : fields) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }
  // 0, "" and false for a field that is not there, or of another type.
  std::uint64_t number(std::string_view name) const { return of<std::uint64_t>(name); }
  std::string text(std::string_view name) const { return of<std::string>(name); }
  bool truth(std::string_view name) const { return of<bool>(name); }
  bool operator==(const Record&) const = default;

 private:
  template <typename T>
  Record& put(std::string name, T value) {
    fields.push_back({std::move(name), std::move(value)});
    return *this;
  }
  template <typename T>
  T of(std::string_view name) const {
    const Field* field = find(name);
    const T* value = field == nullptr ? nullptr : std::get_if<T>(&field->value);
    return value == nullptr ? T{} : *value;
  }
};
using Records = std::vector<Record>;

// A question of the control verbs, and what it is about. Which of the fields are looked at is the question's to know.
struct Question {
  std::string name;         // "volumes"
  std::uint64_t inode = 0;  // as the mount shows it; 0: the path
  std::string path;         // from the root of the mount
  std::uint64_t from = 0;   // of an answer in pages: where this one begins
  Record arguments;
};

struct Answer {
  Records records;
  bool more = false;       // ask again from `next`
  std::uint64_t next = 0;  // also a count of what was done
  std::string text;
};

}  // namespace ciaos::rpc
