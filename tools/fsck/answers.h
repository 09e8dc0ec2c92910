// Who agrees to a repair, and when.
#pragma once

#include <functional>
#include <string>

#include "tools/fsck/problem.h"

namespace ciaos::fsck {

// Not thread-safe.
class Answers {
 public:
  enum class Mode {
    no,     // nothing is asked for; what the command line wants is done all the same
    preen,  // -p: what needs no yes
    yes,    // -y
    ask     // somebody sits at the terminal
  };
  // `ask`, for Mode::ask alone: puts one question, true for yes. `cut_lost`: -y agrees to give up bytes that are proven
  // lost, too.
  using Ask = std::function<bool(const std::string& question)>;
  Answers(Mode mode, bool cut_lost, Ask ask = {}) : mode_(mode), cut_lost_(cut_lost), ask_(std::move(ask)) {}

  bool preen() const { return mode_ == Mode::preen; }
  // Whether anybody could say yes to this.
  bool possible(const ProblemEntry& entry) const;
  // Whether somebody does. `line` is what was found.
  bool agree(const ProblemEntry& entry, const std::string& line) const;

 private:
  Mode mode_;
  bool cut_lost_;
  Ask ask_;
};

}  // namespace ciaos::fsck
