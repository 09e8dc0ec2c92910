#include "daemon/failure.h"

#include <cstring>

namespace ciaos::daemon {
namespace {

struct Advice {
  int error;
  ExitCode code;
  const char* what;
  const char* remedy;
};

// What holds for whatever was worked on. The words of a step come first.
constexpr Advice kAnywhere[] = {
    {EACCES, ExitCode::system, "permission denied",
     "run as root, or as the owner of the store and the mountpoint"},
    {EPERM, ExitCode::system, "not permitted", "run as root"},
    {ENOMEM, ExitCode::system, "out of memory", "ask for less with -o mem=BYTES"},
    {EMFILE, ExitCode::system, "too many open files", "raise the limit of this process"},
    {ENFILE, ExitCode::system, "too many open files in the system", "raise fs.file-max"},
    {EIO, ExitCode::failure, "the device refused", "see the kernel's log, and replace the device"},
};

constexpr const char* kNameStore = "name the directory, device or image that mkfs.ciaos has formatted";

constexpr Advice kStore[] = {
    {ENOENT, ExitCode::failure, "there is no such file or directory", kNameStore},
    {ENOTDIR, ExitCode::failure, "there is no such directory", kNameStore},
    {ENODATA, ExitCode::failure, "holds no ciaosfs store", "format one there with mkfs.ciaos"},
    {ENOMEDIUM, ExitCode::failure, "its superblock is missing",
     "put that file back from a copy: nothing else says what the volumes are"},
    {ENOTBLK, ExitCode::failure, "is a part of a store", "name the folder of the store"},
    {EUCLEAN, ExitCode::failure, "the store is damaged", "see what `fsck.ciaos -n` finds"},
    {ENOTSUP, ExitCode::failure, "the store was written by a newer ciaosfs", "mount it with that version"},
    {EXDEV, ExitCode::failure, "devices of different stores", "name those of one store"},
    {ENXIO, ExitCode::failure, "a device of the store is missing", "name all of its devices"},
    {EINVAL, ExitCode::failure, "not usable as a device of a store",
     "it must be what mkfs.ciaos formatted, in full size"},
    {EBUSY, ExitCode::failure, "in use",
     "unmount it where it is mounted, or wait for longer with -o wait=SECONDS"},
    {EROFS, ExitCode::failure, "read-only", "mount it with -o ro"},
    {ENOSPC, ExitCode::failure, "no space is left", "free some there, or mount with -o ro"},
    {EDQUOT, ExitCode::failure, "the quota is used up", "free some space there, or mount with -o ro"},
    {EISNAM, ExitCode::failure, "is no folder", "move it away: the index is made again from the volumes"},
    {ESTALE, ExitCode::failure, "another process has taken the store over",
     "mount it when that one has ended"},
};

constexpr Advice kMount[] = {
    {ENODEV, ExitCode::system, "FUSE is missing",
     "load the kernel module fuse, or give the container /dev/fuse"},
    {ENOENT, ExitCode::failure, "there is no such mountpoint", "create that directory"},
    {ENOTDIR, ExitCode::failure, "the mountpoint is not a directory", "name one"},
    {ENOTCONN, ExitCode::failure, "a mount whose daemon has died is in the way", "remove it with umount"},
    {EBUSY, ExitCode::failure, "the mountpoint is busy", "name another"},
    {EPERM, ExitCode::system, "not permitted", "see fusermount3(1), or mount as root with CAP_SYS_ADMIN"},
    {ELOOP, ExitCode::failure, "the mount would hide its own store", "name a mountpoint outside of it"},
};

constexpr Advice kRemount[] = {
    {EINVAL, ExitCode::failure, "nothing is mounted there", "name a mountpoint"},
    {ENOENT, ExitCode::failure, "there is no such mountpoint", "name one"},
    {EBUSY, ExitCode::failure, "files there are open for writing", "close them first"},
    {EROFS, ExitCode::failure, "it was mounted read-only", "unmount it, and mount it without ro"},
};

template <std::size_t count>
const Advice* find(const Advice (&table)[count], int error) {
  for (const Advice& advice : table) {
    if (advice.error == error) return &advice;
  }
  return nullptr;
}

// A context of its own words ("x is in use by process 7") needs none of ours; a bare path does.
bool explains_itself(std::string context, const std::string& subject) {
  const std::size_t at = context.find(subject);
  if (at != std::string::npos) context.erase(at, subject.size());
  return context.find(' ') != std::string::npos;
}

}  // namespace

Failure failure_of(Step step, const Error& error, const std::string& subject) {
  // A wrong command line explains itself, and errno's words would only blur it.
  if (step == Step::command_line) return {ExitCode::usage, error.context + "; see ciaosfs --help"};

  if (step == Step::configuration) {
    char buffer[128];
    const bool own_words = error.code == EINVAL || error.code == EFBIG;
    return {ExitCode::usage, own_words
                                 ? error.context + "; see ciaosfs.conf(5)"
                                 : error.context + ": " + strerror_r(error.code, buffer, sizeof buffer)};
  }
  std::string sentence = error.context;
  if (sentence.empty()) sentence = subject;
  if (sentence.find(subject) == std::string::npos) sentence = subject + ": " + sentence;
  const Advice* advice = step == Step::mount     ? find(kMount, error.code)
                         : step == Step::remount ? find(kRemount, error.code)
                                                 : find(kStore, error.code);
  if (advice != nullptr) {
    if (!explains_itself(error.context, subject)) sentence += std::string(": ") + advice->what;
  } else if (advice = find(kAnywhere, error.code); advice != nullptr) {
    sentence += std::string(": ") + advice->what;
  } else {
    char buffer[128];
    return {ExitCode::failure, sentence + ": " + strerror_r(error.code, buffer, sizeof buffer)};
  }
  return {advice->code, sentence + "; " + advice->remedy};
}

}  // namespace ciaos::daemon
