#include "sidecar/exchange.h"

#include <fmt/core.h>
#include <time.h>

namespace ciaos::sidecar {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

}  // namespace

void Exchange::begin(int status, const Headers& headers, std::uint64_t length, ByteSpan first) {
  if (!body.drain()) good_ = false;
  status_ = status;
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_of(status));
  bool has_length = false;
  for (const auto& [name, value] : headers) {
    text += fmt::format("{}: {}\r\n", name, value);
    has_length = has_length || name == "Content-Length";
  }
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless && !has_length) text += fmt::format("Content-Length: {}\r\n", length);
  text +=
      fmt::format("Date: {}\r\nServer: ciaos\r\nx-amz-request-id: {}\r\n", http_date(::time(nullptr)), id);
  if (!can_continue()) text += "Connection: close\r\n";
  text += "\r\n";
  if (bodiless || head.method == "HEAD") first = {};
  if (connection_.write(text, first).ok()) {
    bytes_sent_ += first.size();
  } else {
    good_ = false;
  }
}

void Exchange::answer(int status, const Headers& headers, std::string_view text) {
  begin(status, headers, text.size(), as_bytes(text));
}

bool Exchange::send(ByteSpan piece) {
  if (!good_ || !connection_.write({}, piece).ok()) {
    good_ = false;
    return false;
  }
  bytes_sent_ += piece.size();
  return true;
}

std::string http_date(std::int64_t seconds) {
  const time_t at = seconds;
  tm parts{};
  ::gmtime_r(&at, &parts);
  char text[64];
  ::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace ciaos::sidecar
