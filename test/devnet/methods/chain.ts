import { link } from '../cids.ts';
import { RpcError } from '../errors.ts';
import { renderMessage } from '../messages.ts';
import type { Tip } from '../tip-sets.ts';
import { nextTip } from '../tip-sets.ts';
import type { World } from '../world.ts';
import { type MethodTable, method } from './method.ts';
import { asCid, asInteger, asKey, asRecord } from './params.ts';

const IDLE = { Base: null, Target: null, Stage: 0, Height: 0, Start: '0001-01-01T00:00:00Z', End: '0001-01-01T00:00:00Z', Message: '' };

/** The tip set that the node calls its head; an old one while it lags behind. */
export function headOf({ chain, faults }: World): Tip {
  const { behindEpochs = 0 } = faults.ofNode;
  return behindEpochs === 0 ? chain.head : chain.tipAt(Math.max(0, chain.epoch - behindEpochs));
}

/** The tip set of a key parameter. */
export function tipOf(world: World, param: unknown): Tip {
  const key = asKey(param);
  return key.length === 0 ? headOf(world) : world.chain.tipOf(key);
}

function genesisOf({ chain, faults }: World): Tip {
  return faults.ofNode.otherGenesis === true ? nextTip({ ...chain.identity, seed: 'another chain' }, undefined, 0, 0) : chain.genesis;
}

export const CHAIN_METHODS: MethodTable = {
  Version: method('read', 0, ({ chain }) => ({
    Version: '1.26.3+devnet',
    APIVersion: 131_840,
    BlockDelay: chain.identity.epochSeconds,
  })),
  ID: method('read', 0, ({ peerId }) => peerId),
  ChainHead: method('read', 0, (world) => world.chain.render(headOf(world))),
  ChainGetGenesis: method('read', 0, (world) => world.chain.render(genesisOf(world))),
  ChainGetTipSet: method('read', 1, (world, [key]) => world.chain.render(tipOf(world, key))),
  ChainGetTipSetByHeight: method('read', 2, (world, [height, key]) => {
    const from = tipOf(world, key);
    if (asInteger(height) > from.height) {
      throw new RpcError(1, 'looking for tipset with height greater than start point');
    }
    return world.chain.render(world.chain.tipAt(asInteger(height)));
  }),
  ChainGetBlock: method('read', 1, ({ chain }, [cid]) => {
    const wanted = asCid(cid);
    const tip = chain.tipWith(wanted);
    const { Blocks } = chain.render(tip) as { Blocks: unknown[] };
    return Blocks[tip.cids.indexOf(wanted)];
  }),
  ChainGetMessage: method('read', 1, ({ messages }, [cid]) => renderMessage(messages.get(asCid(cid)))),
  /** Newest first, of the blocks from that tip set down to that height. */
  StateListMessages: method('read', 3, (world, [match, key, toHeight]) => {
    const { To, From } = asRecord(match, '*api.MessageMatch');
    if (To === undefined && From === undefined) throw new RpcError(1, 'must specify at least To or From in message filter');
    const { height } = tipOf(world, key);
    const within = { from: asInteger(toHeight), to: height };
    const found = world.messages.included(within).filter(({ to, from }) => (To ?? to) === to && (From ?? from) === from);
    return found.length === 0 ? null : found.map(({ cid }) => link(cid));
  }),
  SyncState: method('read', 0, ({ chain }) => ({
    ActiveSyncs: [33, 34, 35].map((WorkerID) => ({ WorkerID, ...IDLE })),
    VMApplied: chain.epoch * 2,
  })),
  StateNetworkName: method('read', 0, ({ network, faults }) => faults.ofNode.network ?? network),
  StateNetworkVersion: method('read', 1, (world, [key]) => {
    tipOf(world, key);
    return 22;
  }),
  StateSearchMsg: method('read', 4, (world, [key, cid, lookback]) => search(world, asCid(cid), tipOf(world, key), asInteger(lookback))),
  StateWaitMsg: method('read', 4, (world, [cid, confidence], { signal }) => wait(world, asCid(cid), asInteger(confidence), signal)),
};

/** Version 0 of the API has other parameters here. */
export const CHAIN_METHODS_V0: MethodTable = {
  StateSearchMsg: method('read', 1, (world, [cid]) => search(world, asCid(cid), headOf(world), -1)),
  StateWaitMsg: method('read', 2, (world, [cid, confidence], { signal }) => wait(world, asCid(cid), asInteger(confidence), signal)),
};

/** Public gateways look back no further. */
const GATEWAY_LOOKBACK = 20;

/** Null for a message that the node has and no block has. */
function search(world: World, cid: string, from: Tip, asked: number): unknown {
  mustKnow(world, cid);
  const message = world.messages.get(cid);
  const lookback = world.faults.ofNode.gateway === true && (asked < 0 || asked > GATEWAY_LOOKBACK) ? GATEWAY_LOOKBACK : asked;
  const isSeen = (height: number) => lookback < 0 || height >= from.height - lookback;
  const other = world.messages.otherAtNonce(message, from.height);
  if (other !== undefined && isSeen(world.messages.receipt(other.cid, from.height)?.receipt.height ?? -1)) {
    const why = `(F:${cid} n ${message.nonce}, TS: ${other.cid} n${other.nonce})`;
    throw new RpcError(1, `found message with equal nonce as the one we are looking for that is NOT a valid replacement message ${why}`);
  }
  const found = world.messages.receipt(cid, from.height);
  if (found === undefined || !isSeen(found.receipt.height)) return null;
  return renderLookup(world, found);
}

function mustKnow({ messages, chain }: World, cid: string): void {
  try {
    messages.get(cid);
  } catch {
    const isBlock = chain.hasBlock(cid);
    throw new RpcError(1, `failed to load message: ${isBlock ? 'cbor input had wrong number of fields' : `ipld: could not find ${cid}`}`);
  }
}

async function wait(world: World, cid: string, confidence: number, signal: AbortSignal): Promise<unknown> {
  mustKnow(world, cid);
  for (;;) {
    const found = world.messages.receipt(cid);
    if (found !== undefined && world.chain.epoch >= found.receipt.height + confidence) return renderLookup(world, found);
    await world.chain.nextTip(signal);
  }
}

function renderLookup(world: World, found: NonNullable<ReturnType<World['messages']['receipt']>>): unknown {
  const { cid, receipt } = found;
  return {
    Message: link(cid),
    Receipt: { ExitCode: receipt.exitCode, Return: receipt.returned, GasUsed: receipt.gasUsed, EventsRoot: null },
    ReturnDec: null,
    TipSet: world.chain.tipAt(receipt.height).cids.map(link),
    Height: receipt.height,
  };
}
