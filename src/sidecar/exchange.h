// One request and its answer, as handlers see them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rpc/client.h"
#include "sidecar/body.h"
#include "sidecar/connection.h"
#include "sidecar/http_head.h"

namespace ciaos::sidecar {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A worker's own: memory that it shares with the daemon, one piece of a body at a time.
struct Worker {
  rpc::Memory memory;
};
inline constexpr std::size_t kPieceBytes = 1u << 20;

class Exchange {
 public:
  // All outlive the exchange.
  Exchange(const HttpHead& the_head, Connection& connection, Worker& the_worker, std::string the_id)
      : head(the_head),
        body(connection, the_head),
        worker(the_worker),
        id(std::move(the_id)),
        connection_(connection) {}

  const HttpHead& head;
  Body body;
  Worker& worker;
  const std::string id;  // of the request

  // A whole answer. The body of the request is drained before it goes out.
  void answer(int status, const Headers& headers, std::string_view text);
  // The first piece of an answer of `length` bytes; send() has to bring the others. With HEAD no byte of it is sent.
  void begin(int status, const Headers& headers, std::uint64_t length, ByteSpan first);
  // False: the peer is gone, or was too slow.
  bool send(ByteSpan piece);
  // What was begun cannot be ended: the peer notices, since the connection does.
  void break_off() { good_ = false; }

  bool answered() const { return status_ != 0; }
  int status() const { return status_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  // Where the request came from, as a number: "10.0.0.1".
  std::string peer() const { return connection_.peer(); }
  // Whether nobody on the way could read it.
  bool is_secure() const { return connection_.is_secure(); }
  // Whether another request may follow on the connection.
  bool can_continue() const { return good_ && head.keep_alive; }

 private:
  Connection& connection_;
  int status_ = 0;
  std::uint64_t bytes_sent_ = 0;
  bool good_ = true;
};

// "Sun, 06 Nov 1994 08:49:37 GMT", and back; nullopt for anything else.
std::string http_date(std::int64_t seconds);
std::optional<std::int64_t> parse_http_date(const std::string& text);

}  // namespace ciaos::sidecar
