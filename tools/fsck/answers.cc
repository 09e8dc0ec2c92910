#include "tools/fsck/answers.h"

namespace ciaos::fsck {

bool Answers::possible(const ProblemEntry& entry) const {
  if (entry.remedy == Remedy::none) return false;
  switch (mode_) {
    case Mode::no: return false;
    case Mode::preen: return entry.consent == Consent::unasked;
    case Mode::yes: return entry.consent != Consent::explicitly || cut_lost_;
    case Mode::ask: return true;
  }
  return false;
}

bool Answers::agree(const ProblemEntry& entry, const std::string& line) const {
  if (!possible(entry)) return false;
  return mode_ != Mode::ask || ask_(line + "\n" + entry.question);
}

}  // namespace ciaos::fsck
