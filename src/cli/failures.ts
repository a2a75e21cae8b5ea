/** Exit codes of the client's commands. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that ends a command with one line and an exit code. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line is not usable. */
export class UsageError extends CommandFailure {
  constructor(message: string) {
    super(EXIT.usage, `${message} (--help tells more)`);
  }
}

/** Nobody answers at the address, or somebody else does. */
export class Unreachable extends CommandFailure {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.unreachable, message, options);
  }
}

/** The service has answered with a problem. */
export class Refused extends CommandFailure {
  readonly status: number;
  /** Of the catalogue of errors, or of a newer one. */
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(EXIT.failed, `${detail} (${code})`);
    this.status = status;
    this.code = code;
  }

  /** Whether it is about who calls, and not about what was asked for. */
  get isAboutCaller(): boolean {
    return [401, 403, 429].includes(this.status);
  }
}
