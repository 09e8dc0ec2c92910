// Finding the daemon.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tools/ctl/ctl.h"
#include "tools/ctl/mounts.h"

namespace ciaos::ctl {
namespace {

// Of one answer: the longest is a step of the scrubber, which reads a whole volume.
constexpr std::uint64_t kTimeoutMs = 3600 * 1000;

// Marks an error as one of reaching the daemon, whatever errno it is; main() turns it into its exit code.
Error unreachable(const Error& error) {
  // These two say all in their words.
  const bool is_said = error.code == ENOENT || error.code == EINVAL;
  return fail(ENOTCONN, is_said && !error.context.empty() ? error.context : to_string(error));
}

std::string mountinfo() {
  std::ifstream file("/proc/self/mountinfo");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Place {
  std::uint64_t inode = 0;
  std::optional<Mount> mount;
};

// Without following a symlink at the end.
Result<Place> place_of(const std::string& path) {
  struct statx about {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &about) != 0)
    return fail(errno, path);
  Place place{.inode = about.stx_ino, .mount = std::nullopt};
  if ((about.stx_mask & STATX_MNT_ID) != 0) place.mount = mount_of(mountinfo(), about.stx_mnt_id);
  return place;
}

// By where it is mounted; a bind mount is elsewhere, and has its source.
Result<std::string> socket_of_mount(const Mount& mount) {
  auto found = rpc::Client::find_socket(mount.mountpoint);
  if (found.ok() || !mount.source.starts_with('/')) return found;
  auto by_source = rpc::Client::find_socket(mount.source);
  return by_source.ok() ? by_source : found;
}

Result<std::string> only_socket() {
  std::vector<std::string> sockets = rpc::Client::usual_sockets();
  if (sockets.empty())
    return fail(ENOENT, "no daemon runs that would speak with you; say which with --store");
  if (sockets.size() > 1) return fail(EINVAL, "several daemons run; say which with --store");
  return sockets.front();
}

Result<std::string> socket_of(const std::string& place) {
  if (place.empty()) return only_socket();
  struct stat about {};
  if (::stat(place.c_str(), &about) == 0 && S_ISSOCK(about.st_mode)) return place;
  auto found = rpc::Client::find_socket(place);
  if (found.ok()) return found;
  const auto on = place_of(place);
  return on.ok() && on->mount && on->mount->type.starts_with("fuse") ? socket_of_mount(*on->mount) : found;
}

Result<std::unique_ptr<rpc::Client>> connect_to(Result<std::string> socket) {
  if (!socket.ok()) return unreachable(socket.error());
  auto client = rpc::Client::connect(*socket, kTimeoutMs);
  if (!client.ok()) return unreachable(client.error());
  return client;
}

}  // namespace

Result<std::unique_ptr<rpc::Client>> reach(const std::string& place) { return connect_to(socket_of(place)); }

Result<Subject> subject_of(const Ctl& ctl, const std::string& path) {
  Subject subject;
  if (!ctl.store.empty()) {
    subject.client = TRY(reach(ctl.store));
    subject.about.path = path;
    return subject;
  }
  const Place place = TRY(place_of(path));
  if (!place.mount || !place.mount->type.starts_with("fuse"))
    return fail(EINVAL, path + " is on no mount of ciaosfs; with --store it is a path in that store");
  subject.client = TRY(connect_to(socket_of_mount(*place.mount)));
  subject.about.inode = place.inode;
  return subject;
}

Result<rpc::Records> ask_all(rpc::Client& client, rpc::Question question) {
  rpc::Records all;
  while (true) {
    rpc::Answer answer = TRY(client.ask(question));
    for (rpc::Record& record : answer.records) all.push_back(std::move(record));
    if (!answer.more) return all;
    question.from = answer.next;
  }
}

const rpc::Record* find_kind(const rpc::Records& records, std::string_view kind) {
  for (const rpc::Record& record : records) {
    if (record.kind == kind) return &record;
  }
  return nullptr;
}

void print(const std::string& text) { fmt::print("{}", text); }
void say(const std::string& text) { fmt::print(stderr, "ciaosctl: {}\n", text); }

}  // namespace ciaos::ctl
