// The same as worker.mjs, as a process that somebody else supervises. CommonJS: it starts faster than a module.
const { openSync, writeSync } = require('node:fs');

const presence = openSync(process.argv[2], 'w');

function call() {
  setTimeout(call, 1);
}

writeSync(presence, '.');
call();
