import { ColdError } from '../../../domain/cold-ports.ts';
import { type Announced, originsOf } from './announced.ts';
import type { HttpClient } from './http.ts';
import type { Peers } from './libp2p.ts';
import { readTransports } from './messages.ts';
import { multiaddrsOfPeer, routerRecords } from './routing.ts';

export interface GatewaysOptions {
  http: HttpClient;
  libp2p: Peers;
  /** `https://…`, of delegated routing; absent: it is not asked. */
  routingUrl?: string;
  /** For one question. */
  deadlineMs: number;
}

const TRANSPORTS = '/fil/retrieval/transports/1.0.0';
const ORIGINS_MAX = 8;

/**
 * HTTP servers at which a provider may give bytes back, best first, each once: those that it announces on the chain, those that it
 * names when it is asked, those by which routers know it. Each kind is asked for only when the one before did not do. Rejects in the
 * end, as `unreachable`, when the provider itself did not say whether there are others.
 */
export async function* gatewaysOf(
  announced: Announced,
  cid: string,
  options: GatewaysOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  let silence: ColdError | undefined;
  for (const { find, isOptional } of FINDERS) {
    const found = await find(announced, cid, options, signal).catch((error: unknown): string[] => {
      if (!(error instanceof ColdError) || error.failure === 'aborted') throw error;
      if (error.failure === 'unreachable' && !isOptional) silence = error;
      return [];
    });
    for (const origin of found) {
      if (seen.has(origin) || seen.size >= ORIGINS_MAX) continue;
      seen.add(origin);
      yield origin;
    }
  }
  if (silence !== undefined) throw silence;
}

type Find = (announced: Announced, cid: string, options: GatewaysOptions, signal: AbortSignal) => Promise<string[]>;

const fromChain: Find = async ({ origins }) => [...origins];

const fromPeer: Find = async ({ peers }, _cid, { libp2p, deadlineMs }, signal) => {
  if (peers.length === 0) return [];
  const reply = await libp2p.exchange({ addresses: peers, protocols: [TRANSPORTS], deadlineMs, signal });
  const ways = readTransports(reply).filter(({ name }) => name === 'http' || name === 'https');
  return originsOf(ways.flatMap(({ addresses }) => addresses));
};

/** Only as the same peer: what others have is not what this provider keeps. */
const fromRouting: Find = async ({ peerId }, cid, { http, routingUrl, deadlineMs }, signal) => {
  if (routingUrl === undefined || peerId === undefined) return [];
  return originsOf(multiaddrsOfPeer(await routerRecords({ http, routingUrl, deadlineMs }, cid, signal), peerId));
};

const FINDERS: readonly { find: Find; isOptional: boolean }[] = [
  { find: fromChain, isOptional: false },
  { find: fromPeer, isOptional: false },
  { find: fromRouting, isOptional: true },
];
