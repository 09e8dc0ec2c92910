// TLS of the listening end (OpenSSL): a certificate that can be replaced while connections live, and their two directions.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/result.h"

namespace ciaos::sidecar {

// One connection's. It neither waits nor owns the descriptor. Not thread-safe.
class Tls {
 public:
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // Some bytes, the handshake done on the way. 0: the peer ended what it sends. EAGAIN: wait until the descriptor is readable;
  // EALREADY: until it is writable; ECONNRESET: there is nothing to be had any more.
  Result<std::size_t> read(MutableByteSpan into);
  Result<std::size_t> write(ByteSpan bytes);
  // Whether bytes were decrypted that nobody has read: the descriptor does not tell of them.
  bool has_pending() const;

 private:
  friend class TlsContext;
  struct State;
  explicit Tls(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Thread-safe; its mutex is a leaf.
class TlsContext {
 public:
  // PEM files: the certificate with those that lead to its root behind it, and its key. EINVAL with what OpenSSL says.
  static Result<std::shared_ptr<TlsContext>> load(const std::string& certificate, const std::string& key);
  ~TlsContext();
  // Both files again. Connections that there are keep what they began with; so do new ones when it fails.
  Status reload();
  Result<std::unique_ptr<Tls>> accept(int fd);

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ciaos::sidecar
