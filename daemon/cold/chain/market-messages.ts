import { cidLink, cidOf, type Fields, fieldsOf, listOf } from './fields.ts';
import { PUBLISH_STORAGE_DEALS } from './find-message.ts';
import type { LotusRpc } from './lotus-rpc.ts';

const MARKET_ACTOR = 'f05';
/** To the market actor in so many epochs; its other methods among them. */
const MESSAGES_MAX = 10_000;

/** Of the tip set at, or next below, that epoch. */
export async function tipSetKeyAt(rpc: LotusRpc, epoch: number, signal: AbortSignal): Promise<readonly unknown[]> {
  const top = fieldsOf(await rpc.call('ChainGetTipSetByHeight', [Math.max(0, epoch), []], { signal }), 'tip set');
  return listOf(top.Cids, 'tip set key');
}

/**
 * CIDs of messages to the market from that epoch up to a tip set. Needs `StateListMessages`, which a full node has and a gateway need
 * not.
 */
export async function marketMessages(rpc: LotusRpc, from: number, key: readonly unknown[], signal: AbortSignal): Promise<string[]> {
  const listed = await rpc.call('StateListMessages', [{ To: MARKET_ACTOR }, key, Math.max(0, from)], { signal });
  return listOf(listed, 'messages')
    .slice(0, MESSAGES_MAX)
    .map((one) => cidOf(one, 'message CID'));
}

/** Such a message as it was sent; undefined when it publishes no deals. */
export async function publishingMessage(rpc: LotusRpc, cid: string, signal: AbortSignal): Promise<Fields | undefined> {
  const message = fieldsOf(await rpc.call('ChainGetMessage', [cidLink(cid)], { signal }), 'message');
  return message.Method === PUBLISH_STORAGE_DEALS ? message : undefined;
}
