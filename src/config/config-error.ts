/** A setting is not usable; the message is one line for the person who started the service. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(message: string) {
    // Values are quoted in messages, and a value may have line breaks.
    super(message.replace(/[\r\n]+/g, ' '));
  }
}
