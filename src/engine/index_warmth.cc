#include "engine/index_warmth.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "base/bytes.h"
#include "meta/index.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr std::uint64_t kShareOfMemory = 4;

}  // namespace

std::uint64_t available_memory_bytes() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/meminfo", "re"), std::fclose);
  unsigned long long kib = 0;
  char line[128];
  while (file != nullptr && std::fgets(line, sizeof line, file.get()) != nullptr) {
    if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) return kib * 1024;
  }
  return 0;
}

void IndexWarmth::start(const std::string& directory) {
  file_ = UniqueFd(::open(meta::Index::database_file(directory).c_str(), O_RDONLY | O_CLOEXEC));
  if (file_.valid()) thread_ = std::thread([this] { run(); });
}

void IndexWarmth::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void IndexWarmth::run() {
  ByteVector piece(kPieceBytes);
  std::uint64_t left = available_memory_bytes() / kShareOfMemory;
  while (!stopping_ && left >= kPieceBytes) {
    const ssize_t count = ::read(file_.get(), piece.data(), piece.size());
    if (count <= 0) return;  // the end; or damage, which whoever asks for that page is told
    left -= static_cast<std::uint64_t>(count);
  }
}

}  // namespace ciaos::engine
