import type { CID } from 'multiformats/cid';

import { isBlockOf } from '../../daemon/domain/block-hash.ts';
import { HotError, type HotTier } from '../../daemon/domain/ports.ts';
import type { BlockIntake } from '../../daemon/domain/retrieval-ports.ts';
import type { SimDaemon } from './daemon.ts';
import { mortal } from './life.ts';

export type SimTier = BlockIntake &
  Pick<HotTier, 'exclusive' | 'status' | 'usage' | 'pin' | 'isPinned' | 'unpin' | 'collectGarbage'> & {
    fetch(contentKey: string): Promise<{ blocks: number; bytes: number }>;
  };

/** The hot tier of the world, as this process reaches it. Its contents are of one block each. */
export function createSimTier(daemon: SimDaemon): SimTier {
  const { world, life, config } = daemon;
  const calls = mortal(life, 'hot', {
    async usage() {
      return { repoBytes: world.hot.size * config.contentBytes, capacityBytes: Number.MAX_SAFE_INTEGER };
    },
    /** Nobody on the network has what is not here. */
    async fetch(contentKey: string) {
      if (!world.blocks.has(contentKey)) throw new HotError('stalled', 'nobody has it');
      return { blocks: 1, bytes: config.contentBytes };
    },
    /** What is pinned was put in before, or this is not true. */
    async pin(contentKey: string) {
      if (!world.blocks.has(contentKey)) throw new HotError('stalled', `${contentKey} is not here`);
      world.hot.add(contentKey);
    },
    async isPinned(contentKey: string) {
      return world.hot.has(contentKey);
    },
    async unpin(contentKey: string) {
      world.hot.delete(contentKey);
    },
    async collectGarbage() {
      for (const key of world.blocks) if (!world.hot.has(key)) world.blocks.delete(key);
    },
    /** Invariant 7: nothing comes in that does not hash. */
    async put(cid: CID, bytes: Uint8Array) {
      if (isBlockOf(cid, bytes) !== true) daemon.violations.push(`a block that does not hash was stored as ${cid}`);
      world.blocks.add(cid.toString());
    },
    async has(cid: CID) {
      return world.blocks.has(cid.toString());
    },
    async wanted() {
      return [];
    },
  });
  return { ...calls, exclusive: true, status: () => ({ up: true, detail: '', addresses: [] }) };
}
