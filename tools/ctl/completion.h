// Shell completion of a program's verbs and options. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ciaos::ctl {

enum class Shell { bash, zsh };
std::string completion_of(const CLI::App& app, Shell shell);

}  // namespace ciaos::ctl
