// What programs that we start, such as fusermount3, print to standard error: kept, so that one error is told in one line.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace ciaos::fuse {

// Standard error of the whole process goes to memory from construction to taken(). For a time when no other thread prints.
class CapturedErrors {
 public:
  CapturedErrors();
  ~CapturedErrors() { (void)taken(); }
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;

  // Ends the capture. Lines are joined by "; ".
  std::string taken();

 private:
  UniqueFd memory_;
  UniqueFd standard_;  // what it was; invalid: nothing is captured
};

}  // namespace ciaos::fuse
