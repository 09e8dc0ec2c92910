// The needles of one volume against the rows that name them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "store/needle.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {

class NeedleCheck {
 public:
  NeedleCheck(Check& check, const meta::VolumeUsage& usage);

  // `rows` name one offset; calls come in order of it, so that one device read serves many small needles.
  Status check(const std::vector<std::pair<InodeId, meta::Extent>>& rows);
  // After all of them: what the index counts for the volume.
  void check_usage();

 private:
  using Rows = std::vector<std::pair<InodeId, meta::Extent>>;
  Result<store::NeedleHeader> read_header(const NeedlePlace& place);
  Status fill_window(std::uint64_t offset);
  Status check_payload(const store::NeedleHeader& header);
  void verify_payload(const store::NeedleHeader& header, const Rows& rows);
  void tell(const Rows& rows, const NeedlePlace& place, Problem problem, const Error& why);

  Check& check_;
  const meta::VolumeUsage usage_;
  Result<std::shared_ptr<store::Device>> device_;
  store::IoBuffer window_;  // bytes of the volume from window_begin_
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t extents_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace ciaos::fsck
