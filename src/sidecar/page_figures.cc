#include "sidecar/page_figures.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace ciaos::sidecar {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of_field(const rpc::Field& field) {
  return std::visit([](const auto& value) { return Json(value); }, field.value);
}

Json json_of_sample(const PageSample& sample) {
  Json row = Json::array({sample.number, sample.end_ms, sample.length_ms, sample.up});
  for (const double figure : sample.figures)
    row.push_back(std::round(figure * 100) / 100);  // NaN becomes null
  return row;
}

// One record of each kind; operations are told apart from them.
Json json_of_state(const rpc::Records& records) {
  Json state = Json::object();
  for (const rpc::Record& record : records) {
    if (record.kind == "operation") continue;
    Json& fields = state[record.kind] = Json::object();
    for (const rpc::Field& field : record.fields) fields[field.name] = json_of_field(field);
  }
  return state;
}

Json json_of_busy(const BusyOperation& operation) {
  return {{"over", operation.over_http ? "http" : "mount"},
          {"name", operation.name},
          {"per_second", operation.per_second},
          {"bytes_per_second", operation.bytes_per_second},
          {"share", operation.share},
          {"mean_ns", operation.mean_ns},
          {"p50_ns", operation.p50_ns},
          {"p99_ns", operation.p99_ns}};
}

}  // namespace

std::string figures_json(const PageHistory& history, std::uint64_t since, std::int64_t began_ms,
                         const std::string& why) {
  Json json{
      {"began", began_ms}, {"interval_ms", kSampleMs}, {"fields", {"number", "end_ms", "length_ms", "up"}}};
  for (std::size_t i = 0; i < kFigures; ++i) json["fields"].push_back(name_of(static_cast<Figure>(i)));
  Json& samples = json["samples"] = Json::array();
  for (const PageSample& sample : history.since(since)) samples.push_back(json_of_sample(sample));
  const auto newest = history.newest();
  json["at"] = newest ? Json(newest->unix_ms) : Json();
  json["now"] = newest && newest->store ? json_of_state(*newest->store) : Json();
  json["why"] = why.empty() ? Json() : Json(why);
  Json& operations = json["operations"] = Json::array();
  for (const BusyOperation& operation : history.busiest()) operations.push_back(json_of_busy(operation));
  return text_of_json(json);
}

std::string volumes_json(const std::optional<VolumeMap>& map) {
  constexpr const char* kFields[] = {"volume",        "state",   "live_bytes", "held_bytes",
                                     "garbage_bytes", "damaged", "missing",    "extents"};
  Json json{{"at", map ? Json(map->at_ms) : Json()}, {"cut", map && map->cut}, {"fields", Json::array()}};
  for (const char* field : kFields) json["fields"].push_back(field);
  json["volumes"] = map ? Json::array() : Json();
  if (!map) return text_of_json(json);
  for (const rpc::Record& record : map->volumes) {
    Json row = Json::array();
    for (const char* name : kFields) {
      const rpc::Field* field = record.find(name);
      row.push_back(field == nullptr ? Json() : json_of_field(*field));
    }
    json["volumes"].push_back(std::move(row));
  }
  return text_of_json(json);
}

}  // namespace ciaos::sidecar
