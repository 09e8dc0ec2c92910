#include "daemon/announcement.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace ciaos::daemon {
namespace {

void say(const std::string& sentence) { std::fprintf(stderr, "ciaosfs: %s\n", sentence.c_str()); }

ExitCode cannot(const char* what) {
  say(std::string(what) + ": " + std::strerror(errno));
  return ExitCode::system;
}

void send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(fd, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;  // nobody listens any more
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

sigset_t signals_to_hand_on() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Whoever stops the program that they started means the one that it has started: until there is something to read, signals go
// to `child`, which then ends and says so.
void hand_on_signals(int fd, int signals, pid_t child) {
  for (;;) {
    pollfd waiting[2] = {{.fd = fd, .events = POLLIN, .revents = 0},
                         {.fd = signals, .events = POLLIN, .revents = 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
    signalfd_siginfo caught{};
    if (waiting[1].revents != 0 && ::read(signals, &caught, sizeof caught) == sizeof caught)
      ::kill(child, static_cast<int>(caught.ssi_signo));
  }
}

std::string receive_all(int fd) {
  std::string received;
  char part[512];
  for (;;) {
    const ssize_t count = ::read(fd, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return received;
    received.append(part, static_cast<std::size_t>(count));
  }
}

// Nobody must wait for the end of output of a daemon.
void let_terminal_go() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  if (null > STDERR_FILENO) ::close(null);
}

ExitCode wait_for_announcement(const UniqueFd& pipe, const UniqueFd& signals, pid_t child) {
  if (signals.valid()) hand_on_signals(pipe.get(), signals.get(), child);
  const std::string message = receive_all(pipe.get());
  if (!message.empty()) {
    const auto code = static_cast<ExitCode>(message.front());
    if (code != ExitCode::success) say(message.substr(1));
    return code;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  say(WIFSIGNALED(status)
          ? std::string("ended by signal ") + std::to_string(WTERMSIG(status)) + " before the mount was ready"
          : "ended before the mount was ready; see the system's log");
  return ExitCode::failure;
}

}  // namespace

void Announcement::ready() {
  if (made_.exchange(true) || !pipe_.valid()) return;
  let_terminal_go();
  const char code = static_cast<char>(ExitCode::success);
  send(pipe_.get(), {&code, 1});
  pipe_.reset();
}

void Announcement::failed(const Failure& failure) {
  if (made_.exchange(true)) return;
  if (!pipe_.valid()) return say(failure.sentence);
  send(pipe_.get(), std::string(1, static_cast<char>(failure.code)) + failure.sentence);
  pipe_.reset();
}

ExitCode in_foreground(const Serve& serve) {
  Announcement announcement;
  return serve(announcement);
}

ExitCode in_background(const Serve& serve) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("no pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  // Blocked before there is a child, which waits for them itself, so that none is lost in between.
  const sigset_t handed_on = signals_to_hand_on();
  ::sigprocmask(SIG_BLOCK, &handed_on, nullptr);
  UniqueFd signals(::signalfd(-1, &handed_on, SFD_CLOEXEC));
  const pid_t child = ::fork();
  if (child < 0) return cannot("no process");
  if (child != 0) {
    writing.reset();
    return wait_for_announcement(reading, signals, child);
  }
  reading.reset();
  signals.reset();
  ::setsid();
  Announcement announcement(std::move(writing));
  return serve(announcement);
}

}  // namespace ciaos::daemon
