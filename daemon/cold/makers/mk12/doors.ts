import { ColdError } from '../../../domain/cold-ports.ts';
import type { Announced } from './announced.ts';
import { CborReply } from './cbor.ts';
import type { HttpClient, HttpReply } from './http.ts';
import type { Peers } from './libp2p.ts';
import { PROPOSE_VERSIONS, type ProposeVersion } from './messages.ts';

/** One way to talk with a provider. Replies are CBOR, not looked at yet. Rejects with ColdErrors, `refused` when nothing was begun. */
export interface Door {
  readonly over: 'https' | 'http' | 'libp2p';
  ask(request: Uint8Array, deadlineMs: number, signal: AbortSignal): Promise<unknown>;
  status(request: Uint8Array, deadlineMs: number, signal: AbortSignal): Promise<unknown>;
  /** Says it once. After `unreachable` and `aborted` it is unknown whether it was heard. */
  propose(params: (version: ProposeVersion) => Uint8Array, deadlineMs: number, signal: AbortSignal): Promise<unknown>;
}

/** It did not look at the request, as too much is asked of it. */
export class TooBusy extends ColdError {
  constructor(message: string) {
    super('refused', message);
  }
}

/** Every way that a provider announces. What is said holds the key to the data, so those that nobody can listen to come first. */
export function doorsOf({ origins, peers }: Announced, http: HttpClient, libp2p: Peers): Door[] {
  const byHttp = (scheme: string) => origins.filter((origin) => origin.startsWith(scheme)).map((origin) => httpDoor(origin, http));
  const byLibp2p = peers.length === 0 ? [] : [libp2pDoor(peers, libp2p)];
  return [...byHttp('https:'), ...byLibp2p, ...byHttp('http:')];
}

/** Curio's: GETs carry a body, and the type of what comes back says nothing. */
function httpDoor(origin: string, http: HttpClient): Door {
  async function call(method: 'GET' | 'POST', path: string, body: Uint8Array, deadlineMs: number, signal: AbortSignal): Promise<unknown> {
    const headers = { 'content-type': 'application/cbor' };
    const reply = await http.request(new URL(path, origin), { method, headers, body, deadlineMs, stallMs: deadlineMs, signal });
    try {
      return await cborOf(reply, origin);
    } finally {
      reply.close();
    }
  }
  return {
    over: origin.startsWith('https:') ? 'https' : 'http',
    ask: (request, deadlineMs, signal) => call('GET', '/market/mk12/ask', request, deadlineMs, signal),
    status: (request, deadlineMs, signal) => call('GET', '/market/mk12/status', request, deadlineMs, signal),
    propose: (params, deadlineMs, signal) => call('POST', '/market/mk12/store', params(PROPOSE_VERSIONS[0]), deadlineMs, signal),
  };
}

/** What is refused with 4xx did not get as far as the market. */
async function cborOf({ status, body }: HttpReply, origin: string): Promise<unknown> {
  if (status === 429) throw new TooBusy(`${origin} says that too much is asked of it (HTTP 429)`);
  if (status >= 300 && status < 500 && status !== 408 && status !== 499)
    throw new ColdError('refused', `${origin} makes no deals over HTTP (HTTP ${status})`);
  if (status !== 200) throw new ColdError('unreachable', `HTTP ${status} from ${origin} instead of an answer`);
  const reply = new CborReply();
  for await (const part of body) if (reply.push(part)) break;
  return reply.value();
}

function libp2pDoor(addresses: Announced['peers'], libp2p: Peers): Door {
  const PROPOSE = '/fil/storage/mk/';
  const call = (protocol: string, request: Uint8Array, deadlineMs: number, signal: AbortSignal): Promise<unknown> =>
    libp2p.exchange({ addresses, protocols: [protocol], say: () => request, deadlineMs, signal });
  return {
    over: 'libp2p',
    ask: (request, deadlineMs, signal) => call('/fil/storage/ask/1.1.0', request, deadlineMs, signal),
    status: (request, deadlineMs, signal) => call('/fil/storage/status/1.2.0', request, deadlineMs, signal),
    propose: (params, deadlineMs, signal) => {
      const say = (protocol: string): Uint8Array => params(protocol.slice(PROPOSE.length) as ProposeVersion);
      return libp2p.exchange({ addresses, protocols: PROPOSE_VERSIONS.map((version) => `${PROPOSE}${version}`), say, deadlineMs, signal });
    },
  };
}

/** For all ways together, in multiples of the time for one: who announces many and answers at none must not keep us for long. */
const PATIENCE = 2;

/**
 * Tries one way after the other until one answers. Rejects as `unreachable` when one of them may have been right, also where the
 * time for them was over before all were tried, and as `refused` when there was none.
 */
export async function firstThatAnswers<T>(
  doors: readonly Door[],
  call: (door: Door, signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<{ door: Door; answer: T }> {
  const limit = AbortSignal.timeout(PATIENCE * deadlineMs);
  const until = AbortSignal.any([signal, limit]);
  let failure: ColdError | undefined;
  for (const door of doors) {
    try {
      return { door, answer: await call(door, until) };
    } catch (error) {
      if (!(error instanceof ColdError) || error.failure === 'unauthorized') throw error;
      if (limit.aborted && !signal.aborted) throw tooLate(doors.length, PATIENCE * deadlineMs);
      if (error.failure === 'aborted') throw error;
      if (failure === undefined || failure.failure === 'refused') failure = error;
    }
  }
  throw failure ?? new ColdError('refused', 'the provider announces no address, over HTTP or libp2p, at which deals are made');
}

function tooLate(ways: number, limitMs: number): ColdError {
  return new ColdError(
    'unreachable',
    `the provider did not answer within ${limitMs / 1000} s by any of the ${ways} ways that it announces`,
  );
}
