// A client of pm2 in a process of its own, since pm2 changes the environment of whatever it is loaded in. It calls what it is
// told, and tells when that was answered.
import { rmSync } from 'node:fs';
import pm2 from 'pm2';

// The daemon, and by default its processes, run on the Node that its client runs on.
process.execPath = process.argv[2];

process.on('message', ({ id, method, args }) => {
  pm2[method](...args, (error) => {
    const message = Array.isArray(error) ? error[0]?.message : error?.message;
    process.send({ id, ...(error && { error: message ?? String(error) }) });
  });
});

// A Ctrl-C is for the bench: its daemon, which does not hear it, must not stay when that has gone.
process.on('SIGINT', () => {});
process.on('disconnect', () => {
  pm2.killDaemon(() => {
    rmSync(process.env.PM2_HOME, { recursive: true, force: true });
    process.exit();
  });
});
