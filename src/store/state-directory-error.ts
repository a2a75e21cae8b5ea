/** The state directory is not usable; the message is one line for the person who started the service. */
export class StateDirectoryError extends Error {
  override readonly name = 'StateDirectoryError';

  constructor(directory: string, what: string, options: { cause?: unknown } = {}) {
    super(
      `PW_STATE_DIR=${directory} ${what}; choose another directory with PW_STATE_DIR`.replace(
        /[\r\n]+/g,
        ' ',
      ),
      options,
    );
  }
}
