import type { Command } from 'commander';
import type { Shell } from './shell.ts';

/** `completion bash`: a script for the shell, made from the commands as they are. */
export function addCompletion(program: Command, shell: Shell): void {
  const group = program.command('completion').description('completion for a shell');
  group
    .command('bash')
    .description('print a script: source <(lnet completion bash)')
    .action(() => shell.print(bashScript(program)));
}

/** Words that may follow each command: its subcommands, or its options. */
function candidates(command: Command, path: readonly string[]): [path: string, words: string[]][] {
  const words =
    command.commands.length > 0
      ? command.commands.map((each) => each.name())
      : command.options.flatMap((option) => option.long ?? []);
  return [[path.join(' '), words], ...command.commands.flatMap((each) => candidates(each, [...path, each.name()]))];
}

function bashScript(program: Command): string {
  const cases = candidates(program, []).map(([path, words]) => `    '${path}') words='${words.join(' ')}' ;;`);
  return `# bash completion for lnet; load it with: source <(lnet completion bash)
_lnet() {
  local word path='' words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    _lnet_words "$path"
    [ -n "$words" ] || [ -z "$path" ] && break
    case "$path" in *' '*) path="\${path% *}" ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_lnet_words() {
  case "$1" in
${cases.join('\n')}
    *) words='' ;;
  esac
}
complete -o filenames -F _lnet lnet
`;
}
