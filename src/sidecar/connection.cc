#include "sidecar/connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sidecar/http_head.h"

#include "sidecar/turns.h"

namespace ciaos::sidecar {
namespace {

Status wait_for(int fd, short events, int timeout_ms) {
  pollfd one{.fd = fd, .events = events, .revents = 0};
  if (::poll(&one, 1, 0) > 0) return {};
  Turns::about_to_wait();
  while (true) {
    const int ready = ::poll(&one, 1, timeout_ms);
    if (ready > 0) return {};
    if (ready == 0) return fail(ETIMEDOUT);
    if (errno != EINTR) return fail(errno);
  }
}

}  // namespace

std::string Connection::peer() const {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  char host[64] = "";
  if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&address), &bytes) == 0)
    ::getnameinfo(reinterpret_cast<sockaddr*>(&address), bytes, host, sizeof host, nullptr, 0,
                  NI_NUMERICHOST);
  // A client of IPv4 at a socket of IPv6.
  const std::string_view text(host);
  return std::string(text.starts_with("::ffff:") ? text.substr(7) : text);
}

// All that came, as long as it may be a head: what stays behind in OpenSSL would wait for a sign from the descriptor.
Status Connection::fill_decrypted() {
  std::array<std::byte, 16 * 1024> bytes{};
  while (buffered_.size() <= kHeadBytesMax) {
    const auto got = tls_->read(bytes);
    if (got.code() == EAGAIN || got.code() == EALREADY) return fail(EAGAIN);
    if (!got.ok()) return got.error();
    if (*got == 0) return fail(ECONNRESET);
    buffered_.append(reinterpret_cast<const char*>(bytes.data()), *got);
  }
  return {};
}

Status Connection::fill() {
  if (tls_) return fill_decrypted();
  std::array<char, 16 * 1024> bytes{};
  const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got == 0) return fail(ECONNRESET);
  if (got < 0) return fail(errno);
  buffered_.append(bytes.data(), static_cast<std::size_t>(got));
  return {};
}

Result<std::size_t> Connection::read(MutableByteSpan into) {
  if (!buffered_.empty()) {
    const std::size_t count = std::min(into.size(), buffered_.size());
    std::memcpy(into.data(), buffered_.data(), count);
    buffered_.erase(0, count);
    return count;
  }
  while (true) {
    const auto got = receive(into);
    if (got.code() != EAGAIN && got.code() != EALREADY) return got;
    TRY_VOID(wait_for(fd_.get(), got.code() == EAGAIN ? POLLIN : POLLOUT, kReadTimeoutMs));
  }
}

Result<std::size_t> Connection::receive(MutableByteSpan into) {
  if (tls_) return tls_->read(into);
  while (true) {
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return fail(errno);
  }
}

Status Connection::write_encrypted(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto put = tls_->write(bytes);
    if (put.ok()) {
      bytes = bytes.subspan(*put);
      continue;
    }
    if (put.code() != EAGAIN && put.code() != EALREADY) return put.error();
    TRY_VOID(wait_for(fd_.get(), put.code() == EAGAIN ? POLLIN : POLLOUT, kWriteTimeoutMs));
  }
  return {};
}

Status Connection::write(std::string_view head, ByteSpan body) {
  if (tls_) {
    TRY_VOID(write_encrypted(as_bytes(head)));
    return write_encrypted(body);
  }
  while (!head.empty() || !body.empty()) {
    std::array<iovec, 2> parts{iovec{const_cast<char*>(head.data()), head.size()},
                               iovec{const_cast<std::byte*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto count = static_cast<std::size_t>(sent);
      const std::size_t of_head = std::min(count, head.size());
      head.remove_prefix(of_head);
      body = body.subspan(count - of_head);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail(errno);
    TRY_VOID(wait_for(fd_.get(), POLLOUT, kWriteTimeoutMs));
  }
  return {};
}

}  // namespace ciaos::sidecar
