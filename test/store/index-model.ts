import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';

import type { BlockIndex } from '../../daemon/domain/block-index-port.ts';
import { contentKeyOf } from '../../daemon/domain/cid.ts';
import type { Store } from '../../daemon/domain/ports.ts';
import { collect } from '../../daemon/store/pins/collect.ts';

const RAW = 0x55;

/** A CID for every number. */
export async function blockOf(number: number): Promise<CID> {
  return CID.createV1(RAW, await sha256.digest(Buffer.from(`block ${number}`)));
}

/** A walk from its beginning to its end. */
export async function indexContent(index: BlockIndex, root: CID, blocks: readonly CID[]): Promise<boolean> {
  const walk = index.begin(contentKeyOf(root));
  for (const block of [root, ...blocks]) await walk.add(block);
  return walk.finish();
}

/** Everything that the index has written, but for how far it has listed what was held. */
export async function indexKeysIn(store: Store): Promise<string[]> {
  return (await collect(store.keys({ gte: 'i/', lt: 'j' }))).filter((key) => !key.startsWith('iv/'));
}
