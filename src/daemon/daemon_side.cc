#include "daemon/daemon_side.h"

#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "daemon/configuration.h"
#include "rpc/operation_records.h"

namespace ciaos::daemon {
namespace {

// Those that took most; all of them might not fit an answer.
constexpr std::size_t kProcessesTold = 200;

}  // namespace

rpc::DaemonSide daemon_side(const Plan& plan, fuse::FuseServer* server) {
  const std::int64_t began_seconds = SystemClock().now().seconds;
  rpc::DaemonSide side;
  side.mount = [&plan, server, began_seconds] {
    rpc::Record record{"daemon", {}};
    record.add("mountpoint", plan.mountpoint).add("pid", static_cast<std::uint64_t>(::getpid()));
    record.add("began", static_cast<std::uint64_t>(began_seconds));
    if (server == nullptr) return record;
    return record.add("transport", server->transport())
        .add_truth("opens_are_told", server->opens_are_told())
        .add("passed_files", server->passed_files())
        .add("requests", server->requests());
  };
  side.configuration = [&plan] {
    rpc::Records records;
    for (const HeldSetting& setting : held_settings(plan.given)) {
      records.push_back(rpc::Record{"setting", {}}
                            .add("name", setting.name)
                            .add("value", setting.value)
                            .add("source", setting.source)
                            .add("unit", setting.unit));
    }
    return records;
  };
  if (server == nullptr) return side;
  side.operations = [server] {
    rpc::Records records;
    for (const fuse::RequestTimes::Kind& kind : server->times().kinds())
      records.push_back(rpc::operation_record(kind.name, kind.totals));
    return records;
  };
  side.processes = [server] {
    std::vector<fuse::ProcessTotals> processes = server->times().take_processes();
    std::ranges::sort(processes, std::ranges::greater(), &fuse::ProcessTotals::nanoseconds);
    processes.resize(std::min(processes.size(), kProcessesTold));
    rpc::Records records;
    for (const fuse::ProcessTotals& process : processes) {
      records.push_back(rpc::Record{"process", {}}
                            .add("thread", process.pid)
                            .add("count", process.count)
                            .add("nanoseconds", process.nanoseconds)
                            .add("bytes", process.bytes));
    }
    return records;
  };
  return side;
}

}  // namespace ciaos::daemon
