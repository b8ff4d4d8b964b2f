#include "apps/commands/commands.h"

namespace divvy::app {

std::string bash_completion(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), fmt::join(option_names(*command), " "));
  }
  return fmt::format(
      "_divvy() {{\n"
      "  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"{} {}\"\n"
      "  [ \"$COMP_CWORD\" -gt 1 ] && case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  if [[ \"$word\" == -* || \"$COMP_CWORD\" -eq 1 ]]; then COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
      "}}\n"
      "complete -o filenames -F _divvy divvy\n",
      commands, fmt::join(option_names(app), " "), cases);
}

}  // namespace divvy::app
