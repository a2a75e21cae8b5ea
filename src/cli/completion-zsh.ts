import type { Command, Flag } from './syntax.js';

/** The script for a file `_parallel-workers` on zsh's fpath, or for `source <(parallel-workers completion zsh)`. */
export function zshCompletion(commands: readonly Command[]): string {
  return `#compdef parallel-workers
# Completion of parallel-workers for zsh.
_parallel-workers() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands=(
${commands.map(({ name, meaning }) => `    ${quote(`${name}:${meaning}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  # Without a command it is serve.
  if [[ $command == -* ]]; then command=serve; else shift words; (( CURRENT-- )); fi
  case $command in
${commands.map(branch).join('\n')}
  esac
}

_parallel-workers_groups() {
  # What says where the service is, to ask it for its groups.
  local -a address groups
  local flag
  for flag in --url --socket --token-file; do
    [[ -n $opt_args[$flag] ]] && address+=($flag "\${(Q)opt_args[$flag]}")
  done
  groups=(\${(f)"$(_call_program groups parallel-workers completion groups \${(q)address} 2>/dev/null)"})
  compadd -a groups
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _parallel-workers "$@"
else
  compdef _parallel-workers parallel-workers
fi
`;
}

function branch(command: Command): string {
  const specs = [...command.flags.flatMap(flagSpecs), ...operandSpec(command)];
  return [
    `    ${command.name})`,
    '      _arguments -s -S \\',
    specs.map((spec) => `        ${quote(spec)}`).join(' \\\n'),
    '      ;;',
  ].join('\n');
}

function flagSpecs({ name, short, value, multiple, completes, meaning }: Flag): string[] {
  const told = `[${meaning.replace(/[[\]:\\]/g, '\\$&')}]`;
  const argument = value === undefined ? '' : `:${value.replaceAll(':', '\\:')}:${actionOf(completes)}`;
  const spellings = short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
  const before = multiple ? '*' : `(${spellings.join(' ')})`;
  return spellings.map((spelling) => `${before}${spelling}${told}${argument}`);
}

function actionOf(completes: Flag['completes']): string {
  if (completes === undefined) return ' ';
  if (completes === 'files') return '_files';
  return completes === 'directories' ? '_files -/' : `(${completes.join(' ')})`;
}

function operandSpec({ completes }: Command): string[] {
  if (completes === 'groups') return ['*:group:_parallel-workers_groups'];
  if (completes === 'files') return ['1:file:_files'];
  return completes.length === 0 ? [] : [`1:word:(${completes.join(' ')})`];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
