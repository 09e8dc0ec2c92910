#include "sidecar/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <climits>

namespace ciaos::sidecar {
namespace {

using SharedContext = std::shared_ptr<SSL_CTX>;

// What OpenSSL complains about, the oldest first, and none of it left for the next to stumble over.
Error tls_error(const std::string& about) {
  char text[256] = "unknown";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return Error{EINVAL, about + ": " + text};
}

Result<SharedContext> new_context(const std::string& certificate, const std::string& key) {
  ERR_clear_error();
  SharedContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return tls_error("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // So that a write may go on from other memory than the one before it, and say how far it came.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    return tls_error(certificate);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) return tls_error(key);
  if (SSL_CTX_check_private_key(context.get()) != 1) return tls_error(key);
  return context;
}

}  // namespace

struct Tls::State {
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, &SSL_free};
  bool failed = false;

  // Of a call that brought nothing.
  Result<std::size_t> outcome(int returned) {
    const int error = SSL_get_error(ssl.get(), returned);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return fail(EAGAIN);
    if (error == SSL_ERROR_WANT_WRITE) return fail(EALREADY);
    if (error == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
    failed = true;
    return fail(ECONNRESET);
  }
};

Tls::Tls(std::unique_ptr<State> state) : state_(std::move(state)) {}

Tls::~Tls() {
  if (!state_->failed && SSL_is_init_finished(state_->ssl.get()) == 1) SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

Result<std::size_t> Tls::read(MutableByteSpan into) {
  ERR_clear_error();
  const auto most = static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX));
  const int got = SSL_read(state_->ssl.get(), into.data(), most);
  if (got > 0) return static_cast<std::size_t>(got);
  return state_->outcome(got);
}

Result<std::size_t> Tls::write(ByteSpan bytes) {
  ERR_clear_error();
  const auto most = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
  const int put = SSL_write(state_->ssl.get(), bytes.data(), most);
  if (put > 0) return static_cast<std::size_t>(put);
  auto outcome = state_->outcome(put);
  return outcome.ok() ? Result<std::size_t>(fail(ECONNRESET)) : outcome;
}

bool Tls::has_pending() const { return SSL_pending(state_->ssl.get()) > 0; }

struct TlsContext::State {
  std::string certificate;
  std::string key;
  Mutex mutex;
  SharedContext context GUARDED_BY(mutex);
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::load(const std::string& certificate, const std::string& key) {
  auto state = std::make_unique<State>();
  state->certificate = certificate;
  state->key = key;
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(state)));
  TRY_VOID(made->reload());
  return made;
}

Status TlsContext::reload() {
  SharedContext context = TRY(new_context(state_->certificate, state_->key));
  MutexLock lock(state_->mutex);
  state_->context = std::move(context);
  return {};
}

Result<std::unique_ptr<Tls>> TlsContext::accept(int fd) {
  SharedContext context;
  {
    MutexLock lock(state_->mutex);
    context = state_->context;
  }
  auto state = std::make_unique<Tls::State>();
  state->ssl.reset(SSL_new(context.get()));
  if (!state->ssl || SSL_set_fd(state->ssl.get(), fd) != 1) return tls_error("TLS");
  SSL_set_accept_state(state->ssl.get());
  return std::unique_ptr<Tls>(new Tls(std::move(state)));
}

}  // namespace ciaos::sidecar
