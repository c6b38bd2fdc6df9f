import type { CID } from 'multiformats/cid';

/**
 * Which contents a block belongs to. Blocks count as one when their multihashes agree, whatever codec and CID version they are
 * named with. Not in the index: the roots themselves, and identity CIDs, which are no blocks. So a content of a single block
 * takes no place in it.
 */
export interface BlockIndex {
  /**
   * Contents that hold the block below their root, oldest first. At most `limit` entries are looked at, which is not always as many
   * contents. An entry can outlive its content for a moment: the caller asks the pin store whether it is held.
   */
  contentsOf(cid: CID, limit: number): AsyncIterable<string>;
  /** For one walk of the content's DAG. What an earlier walk has left is gone on with, and a whole index stays as it is. */
  begin(contentKey: string): BlockIndexing;
  /** True when every block of the content is in the index. Never true of a content of a single block. */
  isWhole(contentKey: string): Promise<boolean>;
  /** No block leads to the content any more. Idempotent; a small commit, as `sweep` does the work. */
  drop(contentKey: string): Promise<void>;
  /** Deletes what drops have left, some thousand entries a commit. Resolves with how many went; goes on where it was stopped. */
  sweep(signal: AbortSignal): Promise<number>;

  /** Contents that came to be held, or are held no more, and whose index was not looked at since: written by the pin store. */
  listed(): AsyncIterable<ListedContent>;
  /** It was looked at. It stays listed if something has happened to it since it was read. */
  settle(listed: ListedContent): Promise<void>;
}

/** What takes the blocks of one walk. */
export interface BlockIndexing {
  /**
   * Any block of the DAG, the root too, in any order, and as often as one likes. Returns a promise when more should not come
   * before it resolves. Neither throws nor rejects: an index that can't be written is no reason to give a fetch up.
   */
  add(cid: CID): Promise<void> | undefined;
  /**
   * Every block was added. False when the content was dropped meanwhile, or another walk has got ahead of this one. Rejects as
   * commits do, and with what an `add` has met.
   */
  finish(): Promise<boolean>;
  /** Resolves when nothing is being written any more. What was written stays for the next walk. Never rejects. */
  stop(): Promise<void>;
}

export interface ListedContent {
  contentKey: string;
  version: number;
}
