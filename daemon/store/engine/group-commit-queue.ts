import { FbpdError } from '../../domain/errors.ts';
import type { PreparedCommit } from './group-commit.ts';

/** A commit that waits, and whom to tell. */
export interface Waiting extends PreparedCommit {
  resolve(sequence: number): void;
  reject(error: unknown): void;
}

export interface GroupLimits {
  /** A larger commit is a bug of its caller. */
  commitSizeBytes: number;
  /** A group is closed before it would exceed either; a single larger commit is a group of its own. */
  groupOps: number;
  groupSizeBytes: number;
  /** Commits handed in beyond these are refused with `UNAVAILABLE`. */
  queueCommits: number;
  queueSizeBytes: number;
}

/**
 * Commits handed in while a group is being written form the next group. `write` gets one group at a time and settles
 * every member; it must not reject.
 */
export class GroupCommitQueue {
  readonly #limits: GroupLimits;
  readonly #write: (group: readonly Waiting[]) => Promise<void>;
  #waiting: Waiting[] = [];
  #waitingSizeBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: { limits: GroupLimits; write: (group: readonly Waiting[]) => Promise<void> }) {
    this.#limits = options.limits;
    this.#write = options.write;
  }

  push(commit: PreparedCommit): Promise<number> {
    const { queueCommits, queueSizeBytes, commitSizeBytes } = this.#limits;
    if (commit.sizeBytes > commitSizeBytes) {
      return Promise.reject(new RangeError(`commit: ${commit.sizeBytes} bytes are more than the ${commitSizeBytes} that one may have`));
    }
    if (this.#waiting.length >= queueCommits || this.#waitingSizeBytes + commit.sizeBytes > queueSizeBytes) {
      return Promise.reject(new FbpdError('UNAVAILABLE', 'store: too many writes are waiting; try again in a moment'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...commit, resolve, reject });
      this.#waitingSizeBytes += commit.sizeBytes;
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Commits handed in within one turn of the event loop share the first group too.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#write(this.#takeGroup());
    this.#running = undefined;
  }

  #takeGroup(): Waiting[] {
    let ops = 0;
    let sizeBytes = 0;
    const end = this.#waiting.findIndex((commit) => {
      ops += commit.ops.length;
      sizeBytes += commit.sizeBytes;
      return ops > this.#limits.groupOps || sizeBytes > this.#limits.groupSizeBytes;
    });
    const group = this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(1, end));
    for (const commit of group) this.#waitingSizeBytes -= commit.sizeBytes;
    return group;
  }
}
