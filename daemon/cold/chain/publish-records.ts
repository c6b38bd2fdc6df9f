import type { PublishRecords } from '../../domain/receipt-ports.ts';
import { findPublishMessage, readable } from './find-message.ts';
import type { LotusRpc } from './lotus-rpc.ts';
import { marketMessages, publishingMessage, tipSetKeyAt } from './market-messages.ts';
import { publishedProposalsOf } from './publish-message.ts';

/** Two weeks: a message is on the chain before its deals start. */
const SEARCH_EPOCHS = 2 * 7 * 2_880;

/**
 * What publish messages on the chain say, through the JSON-RPC of a Lotus node. To `find` one it needs `StateListMessages`, which
 * a full node has and a gateway need not.
 */
export function createPublishRecords(rpc: LotusRpc, { searchEpochs = SEARCH_EPOCHS }: { searchEpochs?: number } = {}): PublishRecords {
  const read: PublishRecords['read'] = async (publishCid, signal) => {
    const found = await findPublishMessage(rpc, publishCid, searchEpochs, signal);
    if (found === undefined || found === 'failed') return undefined;
    const { cid, params, returned } = found;
    return readable(() => publishedProposalsOf(params, returned)).map((one) => ({ ...one, publishCid: cid }));
  };

  return {
    read,
    async find(chainDealId, { from, to }, signal) {
      for (const cid of await marketMessages(rpc, from, await tipSetKeyAt(rpc, to, signal), signal)) {
        // What it returned says which deals it made, and is looked for only where it may be the one.
        if ((await publishingMessage(rpc, cid, signal)) === undefined) continue;
        const deal = (await read(cid, signal))?.find((one) => one.chainDealId === chainDealId);
        if (deal !== undefined) return deal;
      }
      return undefined;
    },
  };
}
