#include "engine/reads.h"

namespace ciaos::engine {

Result<std::size_t> Reads::read(InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  if (ReportFiles::owns(inode)) return reports_.read(inode, offset, into);
  if (const auto passed = twins_.read(inode, offset, into)) return *passed;
  const Streams::Window window = streams_.ahead(inode, offset, offset + into.size());
  if (window.begin < window.end) files_.read_ahead(inode, window.begin, window.end);
  auto bytes = files_.read(inode, offset, into);
  if (bytes.ok()) attributes_.note_access(inode);
  return bytes;
}

BegunRead Reads::begin(InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  if (ReportFiles::owns(inode) || twins_.has(inode)) return {};
  return files_.begin_read(inode, offset, into);
}

Result<std::size_t> Reads::end(const BegunRead& begun) {
  auto bytes = files_.end_read(begun);
  if (bytes.ok()) attributes_.note_access(begun.inode);
  return bytes;
}

void Reads::expect(InodeId inode) {
  if (!ReportFiles::owns(inode)) files_.expect_read(inode);
}

}  // namespace ciaos::engine
