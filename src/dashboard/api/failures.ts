import type { Problem } from '../../schemas/problem.js';

/** The service has answered, with a refusal. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'Refused';
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Whether it is of who asks, and not of what was asked. */
  get asksForToken(): boolean {
    return this.problem.status === 401;
  }
}

/** Nobody has answered, or somebody else. */
export class Lost extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Lost';
  }
}
