import { flagOf, SETTING_NAMES, type SettingName, settingsTable, typeOf } from '../config/settings.js';
import { CLIENT_COMMANDS, type Command, type Flag, HELP } from './syntax.js';

const SERVE_COMPLETES: Partial<Record<SettingName, 'files' | 'directories'>> = {
  PW_SOCKET: 'files',
  PW_WORKERS_DIR: 'directories',
  PW_STATE_DIR: 'directories',
  PW_FEED_DIR: 'directories',
  PW_GROUPS_FILE: 'files',
  PW_TOKEN_FILE: 'files',
  PW_READ_TOKEN_FILE: 'files',
};

const OFFLINE_COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    operands: '',
    completes: [],
    meaning: 'Runs the service; so does no command at all.',
    flags: [
      ...settingsTable().map((row, i): Flag => {
        const name = SETTING_NAMES[i] as SettingName;
        const completes = SERVE_COMPLETES[name];
        return {
          name: flagOf(name),
          ...(typeOf(name) !== 'boolean' && { value: 'VALUE' }),
          ...(completes !== undefined && { completes }),
          meaning: row.meaning,
        };
      }),
      HELP,
      { name: 'version', meaning: 'Prints the version.' },
    ],
  },
  {
    name: 'validate',
    operands: 'FILE',
    completes: 'files',
    meaning: 'Says what is wrong with a file of groups.',
    flags: [
      {
        name: 'workers-dir',
        value: 'DIR',
        completes: 'directories',
        meaning: 'Where modules are looked for.',
      },
      { name: 'max-workers', value: 'N', meaning: 'The most workers that a group may have.' },
      { name: 'max-groups', value: 'N', meaning: 'The most groups there may be.' },
      HELP,
    ],
  },
];

/** Every command: the one source of what the help prints and the shells complete. */
export const COMMANDS: readonly Command[] = [...OFFLINE_COMMANDS, ...CLIENT_COMMANDS];
