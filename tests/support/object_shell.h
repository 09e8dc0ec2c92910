// What a client of an object store would say, on an engine. Keys are "bucket/key".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/objects.h"

namespace ciaos::test {

// Thread-safe as far as the engine is. Verbs that change something answer with an errno, 0 for success.
class ObjectShell {
 public:
  explicit ObjectShell(engine::Engine& engine) : engine_(engine), objects_(engine.objects()) {}

  static engine::ObjectPath path_of(std::string_view path);
  Result<InodeId> staged(std::string_view bytes);
  int put(std::string_view path, std::string_view bytes, const engine::ObjectNotes& notes = {},
          const engine::ObjectCondition& condition = {});
  int put_elements(std::string_view path, const std::vector<std::string>& elements);
  int append(std::string_view path, const std::vector<std::string>& elements);
  // The contents, or "error: ..." which no test expects by accident.
  std::string get(std::string_view path);
  std::vector<std::string> get_elements(std::string_view path);
  Result<engine::ObjectInfo> head(std::string_view path);
  int rm(std::string_view path, const engine::ObjectCondition& condition = {});
  int mv(std::string_view from, std::string_view to);
  // Keys, and common prefixes, page by page.
  std::vector<std::string> ls(const engine::ObjectList& list);

 private:
  engine::Engine& engine_;
  engine::Objects& objects_;
};

}  // namespace ciaos::test
