import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessInfo {
  pid: number;
  parent: number;
  group: number;
  state: string;
  command: string;
}

/** Every process of the machine, zombies included, from /proc. */
function processTable(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parent: Number(parent), group: Number(group), state, command }];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

/** Every process of the machine that is not a zombie. */
export function processes(): ProcessInfo[] {
  return processTable().filter(({ state }) => state !== 'Z');
}

/** Children that have ended and that the process, alive itself, has not reaped. */
export function zombiesOf(pid: number): ProcessInfo[] {
  return processTable().filter(({ parent, state }) => parent === pid && state === 'Z');
}

/** The hosts of a service's groups, and all that runs in their process groups. */
export function hostsOf(servicePid: number): ProcessInfo[] {
  return ofChildren(servicePid, (child) => !isSpare(child));
}

/** The hosts that a service keeps ready for groups to come. */
export function sparesOf(servicePid: number): ProcessInfo[] {
  return ofChildren(servicePid, isSpare);
}

function isSpare({ command }: ProcessInfo): boolean {
  return command.includes('parallel-workers spare host');
}

function ofChildren(pid: number, isMeant: (child: ProcessInfo) => boolean): ProcessInfo[] {
  const all = processes();
  const own = all.find((info) => info.pid === pid)?.command;
  // Between fork and exec a child still has the command of its parent: what it will be is not to be seen.
  const isBorn = ({ command }: ProcessInfo) => command !== own;
  const children = all.filter((info) => info.parent === pid && isBorn(info) && isMeant(info));
  const leaders = new Set(children.map((info) => info.pid));
  return all.filter(({ group }) => leaders.has(group));
}

export function isAlive(pid: number): boolean {
  return processes().some((info) => info.pid === pid);
}

export function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
