import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Channel } from './channel.js';
import { GroupHost } from './group-host.js';
import type { HostCommand } from './protocol.js';
import { ThreadSupply } from './thread-supply.js';
import { hostTitle } from './title.js';

/**
 * Entry of a host process. Started by the control plane with its ends of the channel, its title, how many threads it is to
 * have ready, and the descriptors that it has inherited and has to close.
 */

/** Descriptors of the channel's two ways. */
const [MESSAGES_FD, COMMANDS_FD] = [3, 4];

/** The control plane can be trusted; this is only a bound. */
const MAX_COMMAND_BYTES = 64 * 1024 * 1024;

const [, , title = '', threads, ...inherited] = process.argv;
process.title = title.trim();

// What the service itself was started with is no business of user code.
for (const fd of inherited) {
  try {
    closeSync(Number(fd));
  } catch {
    // The service has closed it meanwhile.
  }
}

const host = new GroupHost(
  (message) => channel.send(message),
  () => void channel.flushed().then(() => process.exit(0)),
  new ThreadSupply(Number(threads)),
);

const ways = {
  incoming: new Socket({ fd: COMMANDS_FD, writable: false }),
  outgoing: new Socket({ fd: MESSAGES_FD, readable: false }),
};
const channel = new Channel(ways, MAX_COMMAND_BYTES, {
  message: (value) => {
    const command = value as HostCommand;
    // One that was kept ready has had no group until now.
    if (command.type === 'init') process.title = hostTitle(command.launch.group.name);
    host.handle(command);
  },
  garbage: leave,
  closed: leave,
  deaf: leave,
});

/** The control plane is gone, however it went: nothing of this group stays behind. */
function leave(): void {
  process.kill(-process.pid, 'SIGKILL');
}
