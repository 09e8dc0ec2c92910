// libFuzzer for any of the decoders: `fuzzers NAME [FLAG...] [FOLDER or FILE...]`, flags and places as libFuzzer takes them.
// Without a name it prints those that there are.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/decoders.h"

namespace {

const ciaos::fuzz::Decoder* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const auto& decoder : ciaos::fuzz::decoders()) {
    if (*argc < 2)
      std::printf("%s\n", decoder.name);
    else if (std::string_view((*argv)[1]) == decoder.name)
      chosen = &decoder;
  }
  if (chosen == nullptr) std::exit(*argc < 2 ? 0 : 2);
  // libFuzzer sees the rest.
  (*argv)[1] = (*argv)[0];
  ++*argv;
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  (void)chosen->decode({reinterpret_cast<const std::byte*>(data), bytes});
  return 0;
}
