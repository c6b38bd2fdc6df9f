import type { PublishedDeal, WantedDeal } from '../../domain/cold-ports.ts';
import { bytesOf } from './fields.ts';
import { findPublishMessage, readable } from './find-message.ts';
import { LotusRefusal } from './lotus-error.ts';
import type { LotusRpc } from './lotus-rpc.ts';
import { marketMessages, publishingMessage, tipSetKeyAt } from './market-messages.ts';
import { publishedDealsOf, publishes } from './publish-message.ts';

/** Looked through at once: a node goes from tip set to tip set, and must answer in time. */
const STEP_EPOCHS = 240;

/**
 * Every deal of that kind that was published in a span of epochs, by looking through all messages to the market. Undefined where the
 * node cannot list messages, as a gateway.
 */
export async function findPublished(
  rpc: LotusRpc,
  wanted: WantedDeal,
  searchEpochs: number,
  signal: AbortSignal,
): Promise<PublishedDeal[] | undefined> {
  const found: PublishedDeal[] = [];
  for (let to = wanted.to; to >= wanted.from; to -= STEP_EPOCHS) {
    const cids = await messagesBetween(rpc, Math.max(wanted.from, to - STEP_EPOCHS + 1), to, signal);
    if (cids === undefined) return undefined;
    for (const cid of cids) found.push(...(await publishedBy(rpc, cid, wanted, searchEpochs, signal)));
  }
  return found;
}

async function messagesBetween(rpc: LotusRpc, from: number, to: number, signal: AbortSignal): Promise<string[] | undefined> {
  const key = await tipSetKeyAt(rpc, to, signal);
  try {
    return await marketMessages(rpc, from, key, signal);
  } catch (error) {
    if (error instanceof LotusRefusal && error.noSuchMethod) return undefined;
    throw error;
  }
}

/** What it returned is looked for only when it is about such a deal. */
async function publishedBy(
  rpc: LotusRpc,
  cid: string,
  wanted: WantedDeal,
  searchEpochs: number,
  signal: AbortSignal,
): Promise<PublishedDeal[]> {
  const message = await publishingMessage(rpc, cid, signal);
  if (message === undefined || !publishes(bytesOf(message.Params ?? null, 'parameters'), wanted)) return [];
  const found = await findPublishMessage(rpc, cid, searchEpochs, signal);
  if (found === undefined || found === 'failed') return [];
  return readable(() => publishedDealsOf(found.params, found.returned)).filter((one) => isWanted(one, wanted));
}

function isWanted(one: PublishedDeal, { pieceCid, provider, startEpoch }: WantedDeal): boolean {
  return one.pieceCid === pieceCid && one.provider === provider && one.startEpoch === startEpoch;
}
