import type { Command, Flag } from './syntax.js';

/** The script for `parallel-workers completion fish | source`. */
export function fishCompletion(commands: readonly Command[]): string {
  return `# Completion of parallel-workers for fish.
complete -c parallel-workers -f

# What says where the service is, to ask it for its groups.
function __parallel_workers_groups
  set -l words (commandline -opc)
  set -l address
  for i in (seq 2 (math (count $words) - 1))
    if contains -- $words[$i] --url --socket --token-file
      set -a address $words[$i] $words[(math $i + 1)]
    end
  end
  parallel-workers completion groups $address 2>/dev/null
end

${commands.map(({ name, meaning }) => `complete -c parallel-workers -n __fish_use_subcommand -a ${name} -d ${quote(meaning)}`).join('\n')}
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ name, completes, flags }: Command): string[] {
  // Without a command it is serve.
  const seen = `__fish_seen_subcommand_from ${name}`;
  const condition = quote(name === 'serve' ? `${seen}; or __fish_use_subcommand` : seen);
  const line = `complete -c parallel-workers -n ${condition}`;
  const operands =
    completes === 'groups'
      ? [`${line} -a '(__parallel_workers_groups)'`]
      : completes === 'files'
        ? [`${line} -F`]
        : completes.length === 0
          ? []
          : [`${line} -a ${quote(completes.join(' '))}`];
  return [...flags.map((flag) => `${line} ${flagOptions(flag)}`), ...operands];
}

function flagOptions({ name, short, value, completes, meaning }: Flag): string {
  const spelled = `-l ${name}${short === undefined ? '' : ` -s ${short}`}`;
  const argument = value === undefined ? '' : argumentOptions(completes);
  return `${spelled}${argument} -d ${quote(meaning)}`;
}

function argumentOptions(completes: Flag['completes']): string {
  if (completes === undefined) return ' -x';
  if (completes === 'files') return ' -r -F';
  const offered = completes === 'directories' ? '(__fish_complete_directories)' : completes.join(' ');
  return ` -x -a ${quote(offered)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
