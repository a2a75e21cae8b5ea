import { readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC in the flags of /proc/self/fdinfo, which are octal. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors of this process that those it starts would inherit. Node opens its own so that none is inherited, and
 * mends those that it was started with, but only up to the first gap above 15: a shell's 251 stays open. Linux only;
 * elsewhere none is found. Up to 4 a host has its own in their place.
 */
export function inheritableDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((fd) => fd > 4 && isInheritable(fd));
  } catch {
    return [];
  }
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // That which has listed them is closed by now.
  }
}
