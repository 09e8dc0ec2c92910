#include "sidecar/upload.h"

#include <algorithm>
#include <cstring>

namespace ciaos::sidecar {

Upload::~Upload() {
  if (staged_ != InodeId{}) client_.discard(staged_);
}

Status Upload::flush() {
  if (staged_ == InodeId{}) staged_ = TRY(client_.stage(owner_));
  TRY_VOID(client_.write(staged_, staged_bytes_, worker_.memory, held_));
  staged_bytes_ += held_;
  held_ = 0;
  return {};
}

Status Upload::take(ByteSource& source, const std::function<void(ByteSpan)>& seen) {
  const MutableByteSpan memory = worker_.memory.bytes().first(kPieceBytes);
  while (true) {
    if (held_ == memory.size()) TRY_VOID(flush());
    const std::size_t count = TRY(source.read(memory.subspan(held_)));
    if (count == 0) return {};
    seen(memory.subspan(held_, count));
    held_ += count;
  }
}

Status Upload::add(ByteSpan bytes) {
  const MutableByteSpan memory = worker_.memory.bytes().first(kPieceBytes);
  while (!bytes.empty()) {
    if (held_ == memory.size()) TRY_VOID(flush());
    const std::size_t count = std::min(bytes.size(), memory.size() - held_);
    std::memcpy(memory.data() + held_, bytes.data(), count);
    held_ += count;
    bytes = bytes.subspan(count);
  }
  return {};
}

Result<rpc::Source> Upload::finish(const std::vector<std::uint64_t>& elements) {
  const ByteSpan lengths = std::as_bytes(std::span(elements));
  rpc::Source source;
  source.elements = elements.size();
  if (staged_ == InodeId{} && held_ + lengths.size() <= worker_.memory.bytes().size()) {
    source.memory = &worker_.memory;
    source.length = held_;
    if (!lengths.empty()) std::memcpy(worker_.memory.bytes().data() + held_, lengths.data(), lengths.size());
    return source;
  }
  TRY_VOID(flush());
  if (!lengths.empty()) {
    elements_ = std::make_unique<rpc::Memory>(TRY(rpc::Memory::make(lengths.size())));
    std::memcpy(elements_->bytes().data(), lengths.data(), lengths.size());
    source.memory = elements_.get();
  }
  source.staged = std::exchange(staged_, InodeId{});
  return source;
}

}  // namespace ciaos::sidecar
