import { readdirSync, readFileSync } from 'node:fs';

/** The process, and all that descend from it, parents first. */
export function processTree(root) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/**
 * Memory of a process and all that descend from it, in MiB: the proportional set size, in which a page that several
 * processes have is counted once for all of them.
 */
export function treeMemory(root) {
  let kib = 0;
  for (const pid of processTree(root)) {
    const text = read(`/proc/${pid}/smaps_rollup`);
    // One that ended meanwhile has none.
    if (text !== undefined) kib += Number(/^Pss:\s+(\d+) kB$/m.exec(text)[1]);
  }
  return kib / 1024;
}

/** Kills the process and all that descend from it, and waits until they are gone. */
export async function endTree(root) {
  let tree = processTree(root);
  for (const pid of tree) kill(pid);
  while (tree.length > 0) {
    tree = tree.filter((pid) => isAlive(pid));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function parentOf(pid) {
  // After the name of the program, which may have anything in it: state, parent.
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

function isAlive(pid) {
  const text = read(`/proc/${pid}/stat`);
  // A zombie is dead, whoever has not noticed yet.
  return text !== undefined && text.slice(text.lastIndexOf(')') + 2)[0] !== 'Z';
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Undefined when the process is gone. */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
