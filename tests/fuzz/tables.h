// The parts of decoders(), by what they are about.
#pragma once

#include <span>

#include "tests/fuzz/decoders.h"

namespace ciaos::fuzz {

std::span<const Decoder> device_decoders();
std::span<const Decoder> volume_decoders();
std::span<const Decoder> index_decoders();
std::span<const Decoder> network_decoders();

}  // namespace ciaos::fuzz
