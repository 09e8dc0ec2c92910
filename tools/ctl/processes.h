// What /proc says of those who use a mount (proc(5)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rpc/record.h"

namespace ciaos::ctl {

// The number in `text`, if it is one and no file of that name is here; else 0.
std::uint64_t process_named(const std::string& text);
// Threads' records as "process" records of the processes they are part of, with their commands; what took most comes first.
// Those that have ended are one.
rpc::Records by_process(const rpc::Records& threads);
// Time on processors so far, of all its threads; 0: there is none.
std::uint64_t cpu_ns_of(std::uint64_t pid);
// A place on a mount of FUSE that it has open or stands in; empty: on none.
std::string mount_used_by(std::uint64_t pid);

}  // namespace ciaos::ctl
