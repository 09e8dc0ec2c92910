// Which mount a file is on, by what /proc/self/mountinfo says (proc(5)). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ciaos::ctl {

struct Mount {
  std::string mountpoint;
  std::string type;
  std::string source;
};

std::optional<Mount> mount_of(std::string_view mountinfo, std::uint64_t mount_id);

}  // namespace ciaos::ctl
