import { Socket } from 'node:net';
import { Channel } from './channel.js';
import { GroupHost } from './group-host.js';
import type { HostCommand } from './protocol.js';
import type { ThreadSupply } from './thread-supply.js';
import { hostTitle } from './title.js';

/** Descriptors of the channel's two ways. */
const [MESSAGES_FD, COMMANDS_FD] = [3, 4];

/** The control plane can be trusted; this is only a bound. */
const MAX_COMMAND_BYTES = 64 * 1024 * 1024;

/** Makes this process the host of the group that the control plane sends it. */
export function runHost(threads: ThreadSupply): void {
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
  const host = new GroupHost(
    (message) => channel.send(message),
    () => void channel.flushed().then(() => process.exit(0)),
    threads,
  );
}

/** The control plane is gone, however it went: nothing of this group stays behind. */
function leave(): void {
  process.kill(-process.pid, 'SIGKILL');
}
