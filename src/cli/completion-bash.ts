import type { Command, Flag } from './syntax.js';

/** The script for `source <(parallel-workers completion bash)`. */
export function bashCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completion of parallel-workers for bash 4 and later.
_parallel_workers() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} i
  # What says where the service is, to ask it for its groups. From the line: bash takes addresses apart at each colon.
  local -a address=() line
  read -ra line <<<"\${COMP_LINE:0:COMP_POINT}"
  for ((i = 2; i < \${#line[@]} - 1; i++)); do
    case \${line[i]} in
      --url | --socket | --token-file) address+=("\${line[i]}" "\${line[i + 1]}") ;;
    esac
  done
  COMPREPLY=()
  if ((COMP_CWORD == 1)) && [[ $current != -* ]]; then
    _parallel_workers_words '${names}'
    return
  fi
  case $command in
${commands.map(branch).join('\n')}
  esac
}

_parallel_workers_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

_parallel_workers_groups() {
  local program=\${COMP_WORDS[0]}
  # What is typed may be an alias, which a quoted word never is.
  if [[ -n \${BASH_ALIASES[$program]-} ]]; then
    program=\${BASH_ALIASES[$program]}
  else
    printf -v program %q "$program"
  fi
  _parallel_workers_words "$(eval "$program completion groups \\"\\\${address[@]}\\"" 2>/dev/null)"
}

_parallel_workers_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}

complete -F _parallel_workers parallel-workers
`;
}

function branch(command: Command): string {
  const { name, flags } = command;
  // Without a command it is \`serve\`.
  const pattern = name === 'serve' ? 'serve | -*' : name;
  const values = flags.filter(({ value }) => value !== undefined);
  const byKind = (kind: Flag['completes']) =>
    values
      .filter(({ completes }) => completes === kind)
      .flatMap(spellings)
      .join(' | ');
  const cases = [
    [byKind('files'), '_parallel_workers_paths -f'],
    [byKind('directories'), '_parallel_workers_paths -d'],
    ...values.flatMap((flag) =>
      typeof flag.completes === 'object'
        ? [[spellings(flag).join(' | '), `_parallel_workers_words '${flag.completes.join(' ')}'`]]
        : [],
    ),
    // Nobody knows what comes here.
    [byKind(undefined), ':'],
    [
      '*',
      `if [[ $current == -* ]]; then _parallel_workers_words '${flags.flatMap(spellings).join(' ')}'; else ${operand(command)}; fi`,
    ],
  ].filter(([words]) => words !== '');
  return [
    `    ${pattern})`,
    '      case $previous in',
    ...cases.map(([words, then]) => `        ${words}) ${then} ;;`),
    '      esac',
    '      ;;',
  ].join('\n');
}

function operand({ completes }: Command): string {
  if (completes === 'groups') return '_parallel_workers_groups';
  if (completes === 'files') return '_parallel_workers_paths -f';
  return completes.length === 0 ? ':' : `_parallel_workers_words '${completes.join(' ')}'`;
}

function spellings({ name, short }: Flag): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}
