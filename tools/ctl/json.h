// Records as JSON: RFC 8259, one line. Numbers are decimal and may be larger than 2^53; bytes that are no UTF-8 are told as
// U+FFFD, so that what is written can always be read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rpc/record.h"

namespace ciaos::ctl {

std::string json_of(std::string_view text);
// {"name": value, ...}
std::string json_of(const rpc::Record& record);
// [{...}, ...]
std::string json_of(const rpc::Records& records);
// {"kind": {...}, "plural": [...]}: an object for each kind, a list for those kinds that have a plural, even an empty one.
using Plurals = std::vector<std::pair<std::string, std::string>>;
std::string json_by_kind(const rpc::Records& records, const Plurals& plurals = {});

}  // namespace ciaos::ctl
