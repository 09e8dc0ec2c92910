// Result<T>: a value, or an errno with the sentence that explains it.
//
// A POSIX filesystem needs no second vocabulary of errors. Two codes are told apart with care everywhere:
// EIO means a device refused, EUCLEAN means it answered with wrong bytes. One says "replace the disk", the
// other "run fsck". The context is added where the object is known and logged once, where the error stops.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace ciaos {

struct Error {
  int code = 0;         // an errno, never 0
  std::string context;  // empty on hot paths (ENOENT of a lookup allocates nothing)
};

// "context: strerror(code)", for people.
std::string to_string(const Error& error);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {
    CIAOS_ASSERT(std::get<1>(state_).code != 0);
  }

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  // By value: `for (x : f().value())` would outlive a reference.
  T value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CIAOS_ASSERT(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CIAOS_ASSERT(!ok());
    return std::get<1>(std::move(state_));
  }
  // The errno, 0 for a value.
  int code() const { return ok() ? 0 : std::get<1>(state_).code; }

 private:
  T& checked() {
    CIAOS_ASSERT(ok());
    return std::get<0>(state_);
  }
  std::variant<T, Error> state_;
};

struct Unit {};

template <>
class [[nodiscard]] Result<void> : public Result<Unit> {
 public:
  Result() : Result<Unit>(Unit{}) {}
  Result(Error error) : Result<Unit>(std::move(error)) {}
};

using Status = Result<void>;

inline Error fail(int code) { return Error{code, {}}; }
inline Error fail(int code, std::string context) { return Error{code, std::move(context)}; }

// Puts `context` before what the error already says.
Error with_context(Error error, const std::string& context);

}  // namespace ciaos

// Each use names its result after its own line of expansion, so that one may stand inside another.
#define CIAOS_JOIN_(a, b) a##b
#define CIAOS_JOIN(a, b) CIAOS_JOIN_(a, b)
#define CIAOS_TRY_(name, expression)                \
  __extension__({                                   \
    auto name = (expression);                       \
    if (!name.ok()) return std::move(name).error(); \
    std::move(name).value();                        \
  })
#define CIAOS_TRY_VOID_(name, expression)           \
  do {                                              \
    auto name = (expression);                       \
    if (!name.ok()) return std::move(name).error(); \
  } while (false)

// Evaluates to the value of a Result, or returns its error from the enclosing function. One step a line.
#define TRY(expression) CIAOS_TRY_(CIAOS_JOIN(try_result_, __COUNTER__), expression)
// The same for a Status, or where the value is not wanted.
#define TRY_VOID(expression) CIAOS_TRY_VOID_(CIAOS_JOIN(try_result_, __COUNTER__), expression)
