// Loaded into the service beside its own code (NODE_OPTIONS, which hosts are not given): it writes once a second how much
// of the heap is in use, which nobody can see from outside. Before that it collects garbage when a file asks for it: every
// signal that is left ends the service.
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_MS = 1000;
const file = process.env.SOAK_HEAP_FILE;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
let collected = 0;

setInterval(() => {
  if (existsSync(`${file}.collect`)) {
    collect();
    collected++;
    rmSync(`${file}.collect`);
  }
  const { heapUsed, external } = process.memoryUsage();
  writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, external, collected }));
  renameSync(`${file}.new`, file);
}, EVERY_MS).unref();
