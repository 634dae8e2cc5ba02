/** The command's exit codes (docs/spec/cli.md). */
export const exits = {
  done: 0,
  /** An operation failed, or the service refused. */
  failed: 1,
  /** Wrong arguments, or manifests that can't be read. */
  usage: 2,
  /** `diff` and `drift`: something differs. */
  different: 3,
  /** Something waits for an approval. */
  waiting: 4,
  /** There is no token, or the service doesn't accept it. */
  unauthenticated: 5,
  /** The service can't be reached. */
  unreachable: 6,
} as const;

/** An error with a message for people (on standard error) and an exit code for scripts. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}
