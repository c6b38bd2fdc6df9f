import { multiaddr } from '@multiformats/multiaddr';

import { encodeCbor } from '../cids.ts';
import { sign } from '../keys.ts';
import type { ProviderInfo } from '../provider.ts';
import { asking } from '../provider-checks.ts';
import type { World } from '../world.ts';
import { type Answer, answerOf } from './answer.ts';
import {
  type Ask,
  askBytes,
  PROTOCOL,
  readAskRequest,
  readDealParams,
  readStatusRequest,
  writeAskReply,
  writeDealReply,
  writeStatusReply,
  writeTransports,
} from './wire.ts';

/** What a provider is asked: a request's bytes in, a reply's bytes out. */
export type Exchange = 'store' | 'status' | 'ask' | 'transports';

/** An ask for a provider that lives elsewhere. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

const ASK_LIFE_EPOCHS = 1_000_000;

/** By protocol of libp2p. */
export const EXCHANGES: Readonly<Record<string, Exchange>> = {
  [PROTOCOL.deal]: 'store',
  [PROTOCOL.dealBefore]: 'store',
  [PROTOCOL.status]: 'status',
  [PROTOCOL.ask]: 'ask',
  [PROTOCOL.transports]: 'transports',
};

/**
 * Answers one request, and does with the answer what faults say.
 *
 * @throws CborError on bytes that are no such request, NotOurs
 */
export async function exchange(world: World, info: ProviderInfo, what: Exchange, request: Uint8Array): Promise<Answer> {
  const reply = await replyTo(world, info, what, request);
  return answerOf(reply, world.faults.ofProvider(info.id).mk12Reply?.[what]);
}

async function replyTo(world: World, info: ProviderInfo, what: Exchange, request: Uint8Array): Promise<Uint8Array> {
  switch (what) {
    case 'store': {
      const reply = world.mk12.receive(info, readDealParams(request));
      await world.save();
      return writeDealReply(reply);
    }
    case 'status': {
      const { uuid, signature } = readStatusRequest(request);
      return writeStatusReply(world.mk12.status(info, uuid, signature));
    }
    case 'ask': {
      const { miner } = readAskRequest(request);
      if (miner !== info.id) throw new NotOurs(`no ask found for ${miner}`);
      const ask = askOf(world, info);
      return writeAskReply(ask, sign(info.workerKey, askBytes(ask)));
    }
    case 'transports':
      return transportsOf(info);
  }
}

/** What Boost says of a provider that lives elsewhere. */
export const NO_ASK = encodeCbor({ Ask: null });

function askOf({ chain, faults }: World, info: ProviderInfo): Ask {
  const timestamp = Math.max(0, chain.epoch - 1);
  const { ask } = asking(info, faults.ofProvider(info.id));
  return { ...ask, miner: info.id, timestamp, expiry: timestamp + ASK_LIFE_EPOCHS, seqNo: 1 };
}

function transportsOf({ peerId, multiaddrs, httpPort = 0 }: ProviderInfo): Uint8Array {
  const bytes = (text: string) => multiaddr(text).bytes;
  return writeTransports([
    { name: 'http', addresses: [bytes(`/ip4/127.0.0.1/tcp/${httpPort}/http`)] },
    { name: 'libp2p', addresses: multiaddrs.map((address) => bytes(`${address}/p2p/${peerId}`)) },
  ]);
}
