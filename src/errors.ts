/**
 * The catalogue of errors that a client can meet: a stable `code`, the HTTP status and the title of its problem.
 * The detail is written where the error happens and says what to do about it.
 */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  unauthorized: { status: 401, title: 'A token is needed' },
  read_only_token: { status: 403, title: 'The token is for reading only' },
  host_not_allowed: { status: 403, title: 'The service does not go by this name' },
  origin_not_allowed: { status: 403, title: 'Pages of other origins may not call' },
  route_not_found: { status: 404, title: 'No such route' },
  group_not_found: { status: 404, title: 'No such group' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  group_conflict: { status: 409, title: 'The name is taken by a different spec' },
  no_groups_file: { status: 409, title: 'The service has no groups file' },
  dependency_not_running: { status: 409, title: 'A group that has to run first does not' },
  feed_not_configured: { status: 409, title: 'The group has no feed' },
  feed_not_started: { status: 409, title: 'The group does not run' },
  superseded: { status: 409, title: 'A later command took precedence' },
  feed_ended: { status: 410, title: 'The feed has ended' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  module_not_allowed: { status: 422, title: 'The module is outside the workers directory' },
  module_not_found: { status: 422, title: 'The module does not exist' },
  module_unsupported: { status: 422, title: 'The module is of a kind that this service cannot load' },
  groups_file_invalid: { status: 422, title: 'The groups file is not valid' },
  rate_limited: { status: 429, title: 'Too many requests from one client' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Internal error' },
  module_failed: { status: 500, title: 'The module could not be loaded' },
  init_failed: { status: 500, title: 'The init hook failed' },
  setup_failed: { status: 500, title: 'The setup hook failed' },
  feed_failed: { status: 500, title: 'The feed could not be opened' },
  host_failed: { status: 500, title: 'The group host died' },
  worker_failed: { status: 500, title: 'A worker failed while the group started' },
  start_rolled_back: { status: 500, title: 'Another group of the same start failed' },
  shutting_down: { status: 503, title: 'The service is shutting down' },
  overloaded: { status: 503, title: 'The service has too much to do' },
  too_many_streams: { status: 503, title: 'There are too many streams' },
  group_cap_reached: { status: 503, title: 'There is no room for another group' },
  worker_cap_reached: { status: 503, title: 'The cap on workers is reached' },
  start_timeout: { status: 504, title: 'The group did not start in time' },
  storage_failed: { status: 507, title: 'The change could not be written to the state directory' },
} as const satisfies Record<string, { status: number; title: string }>;

/** A code of the catalogue; stable, for programs to act on. */
export type ProblemCode = keyof typeof PROBLEMS;

/** One mistake in a request. */
export interface FieldError {
  /** JSON pointer to the field in the body, or the name of the query parameter. */
  pointer: string;
  detail: string;
  /** Where it is in a file, from 1 on. */
  line?: number;
  column?: number;
}

/** An error of the catalogue, on its way to whoever asked. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  /** For `invalid_request` and `groups_file_invalid`: what is wrong, field by field. */
  readonly errors: readonly FieldError[] | undefined;

  constructor(code: ProblemCode, detail: string, options: { cause?: unknown; errors?: FieldError[] } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  get title(): string {
    return PROBLEMS[this.code].title;
  }
}
