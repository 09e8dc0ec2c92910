// ciaosctl completion: what a shell needs to know of verbs and options, written from the program's own table of them.
#include <fmt/format.h>

#include "tools/ctl/completion.h"
#include "tools/ctl/ctl.h"

namespace ciaos::ctl {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// What may follow the verbs that are given: "quota set" has its own options and those of all.
void add_cases(const CLI::App& app, const std::string& path, std::vector<std::string> inherited,
               std::string& cases) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string word = "--" + name;
      if (std::ranges::find(inherited, word) == inherited.end()) inherited.push_back(word);
    }
  }
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(verb->get_name());
  cases += fmt::format("    '{}') verbs='{}' options='{}' ;;\n", path, joined(verbs), joined(inherited));
  for (const CLI::App* verb : app.get_subcommands({}))
    add_cases(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name(), inherited, cases);
}

constexpr const char* kBash = R"(# bash completion for ciaosctl, made by it.
_ciaosctl() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} given='' next verbs='' options='' word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    next=${{given:+$given }}$word
    case $next in
      {paths}) given=$next ;;
    esac
  done
  case $given in
{cases}  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -n $verbs ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -F _ciaosctl ciaosctl
)";

constexpr const char* kZsh = R"(#compdef ciaosctl
# zsh completion for ciaosctl, made by it.
_ciaosctl() {{
  local given='' next verbs='' options='' word
  for word in ${{words[2,CURRENT-1]}}; do
    next=${{given:+$given }}$word
    case $next in
      {paths}) given=$next ;;
    esac
  done
  case $given in
{cases}  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- ${{=options}}
  elif [[ -n $verbs ]]; then
    compadd -- ${{=verbs}}
  else
    _files
  fi
}}
_ciaosctl "$@"
)";

void add_paths(const CLI::App& app, const std::string& path, std::vector<std::string>& paths) {
  for (const CLI::App* verb : app.get_subcommands({})) {
    paths.push_back(path.empty() ? verb->get_name() : path + " " + verb->get_name());
    add_paths(*verb, paths.back(), paths);
  }
}

}  // namespace

std::string completion_of(const CLI::App& app, Shell shell) {
  std::string cases;
  add_cases(app, "", {}, cases);
  std::vector<std::string> paths;
  add_paths(app, "", paths);
  std::string quoted;
  for (const std::string& path : paths) quoted += (quoted.empty() ? "'" : "|'") + path + "'";
  return fmt::format(fmt::runtime(shell == Shell::bash ? kBash : kZsh), fmt::arg("paths", quoted),
                     fmt::arg("cases", cases));
}

void add_completion(CLI::App& app, Ctl& ctl) {
  auto* verb =
      app.add_subcommand("completion", "Prints what bash or zsh needs to complete verbs and options");
  auto shell = std::make_shared<std::string>();
  verb->add_option("SHELL", *shell, "bash or zsh")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  verb->callback([&app, &ctl, shell] {
    ctl.run = [&app, shell]() -> Result<int> {
      print(completion_of(app, *shell == "bash" ? Shell::bash : Shell::zsh));
      return kExitOk;
    };
  });
}

}  // namespace ciaos::ctl
