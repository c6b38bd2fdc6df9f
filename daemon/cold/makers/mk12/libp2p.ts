import { setTimeout as sleep } from 'node:timers/promises';

import { multiaddr } from '@multiformats/multiaddr';
import type { Libp2p } from 'libp2p';

import { unlessAborted } from '../../../domain/abort.ts';
import { ColdError } from '../../../domain/cold-ports.ts';
import type { PeerAddress, ReachPolicy } from '../../../domain/peer-address.ts';
import { type Resolver, reachableAddresses } from '../../../domain/resolve-address.ts';
import { CborReply } from './cbor.ts';
import { harmless } from './harmless.ts';

export interface PeersOptions extends ReachPolicy {
  resolver: Resolver;
}

export interface Exchange {
  /** Of one peer. */
  addresses: readonly PeerAddress[];
  /** The first that the peer knows, too, is spoken. */
  protocols: readonly string[];
  /** What is said, in the protocol that was agreed on; absent where the peer speaks unasked. */
  say?: (protocol: string) => Uint8Array;
  /** For all of it. */
  deadlineMs: number;
  signal: AbortSignal;
}

/** Says one thing to a peer and hears one, as CBOR, over a connection of its own. */
export interface Peers {
  /**
   * The reply, not looked at yet. Rejects with a ColdError: `refused` when the peer is there and speaks none of the protocols, or
   * when there is no address that may be dialled: nothing was said then.
   */
  exchange(exchange: Exchange): Promise<unknown>;
  /** Never rejects. */
  close(): Promise<void>;
}

type Connection = Awaited<ReturnType<Libp2p['dial']>>;

const CONNECT_MS = 20_000;
const CLOSE_MS = 1_000;
/** Longer than the second in which libp2p nodes count the connections of an address. */
const REDIAL_MS = 1_200;
/** Codes and names of errors of a connection that ended before it was one: the latter is libp2p's for any end of the handshake. */
const CUT_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'EncryptionFailedError']);
const ADDRESSES_MAX = 8;
/** Of a stream that is not read in time. */
const BUFFER_BYTES_MAX = 512 * 1024;

/** libp2p takes long to load and is not needed where all providers speak HTTP: it comes with the first exchange. */
export function createPeers(options: PeersOptions): Peers {
  let starting: Promise<Libp2p> | undefined;
  let isClosed = false;
  /** Exchanges by connection: libp2p joins dials of one peer that are made at the same time, forced or not. */
  const users = new Map<Connection, number>();

  function node(): Promise<Libp2p> {
    if (isClosed) return Promise.reject(new ColdError('aborted', 'the daemon is going down'));
    starting ??= startNode().catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  }

  async function talk({ protocols, say }: Exchange, addresses: readonly PeerAddress[], signal: AbortSignal): Promise<unknown> {
    const [{ byteStream }, libp2p] = await Promise.all([import('@libp2p/utils'), node()]);
    const connection = await dial(libp2p, addresses, signal);
    users.set(connection, (users.get(connection) ?? 0) + 1);
    try {
      const stream = await connection.newStream([...protocols], { signal, negotiateFully: true });
      const bytes = byteStream(stream, { maxBufferSize: BUFFER_BYTES_MAX });
      if (say !== undefined) await bytes.write(say(stream.protocol), { signal });
      const reply = new CborReply();
      for (let isWhole = false; !isWhole; ) {
        const part = await bytes.read({ signal });
        if (part === null) break;
        isWhole = reply.push(part.subarray());
      }
      return reply.value();
    } finally {
      await release(connection);
    }
  }

  async function release(connection: Connection): Promise<void> {
    const left = (users.get(connection) ?? 1) - 1;
    if (left > 0) {
      users.set(connection, left);
      return;
    }
    users.delete(connection);
    await connection.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((error: unknown) => {
      connection.abort(error instanceof Error ? error : new Error(String(error)));
    });
  }

  return {
    async exchange(exchange) {
      const limit = AbortSignal.timeout(exchange.deadlineMs);
      const until = AbortSignal.any([exchange.signal, limit]);
      try {
        const found = await unlessAborted(Promise.allSettled(exchange.addresses.map((one) => reachableAddresses(one, options))), until);
        const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])).slice(0, ADDRESSES_MAX);
        if (addresses.length === 0) throw noAddress(found);
        return await unlessAborted(talk(exchange, addresses, until), until);
      } catch (error) {
        throw failureOf(error, exchange, limit);
      }
    },
    async close() {
      isClosed = true;
      const started = await starting?.catch(() => undefined);
      await started?.stop();
    },
  };
}

/** Nothing of the exchange is said before there is a connection: one that was cut off while it was made may be made once more. */
async function dial(libp2p: Libp2p, addresses: readonly PeerAddress[], signal: AbortSignal): Promise<Connection> {
  const targets = addresses.map(({ text }) => multiaddr(text));
  const once = () => libp2p.dial(targets, { signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]), force: true });
  try {
    return await once();
  } catch (error) {
    if (!wasCutOff(error)) throw error;
    await sleep(REDIAL_MS, undefined, { signal });
    return await once();
  }
}

/** As by a peer that has enough connections for the moment, which is not to say that it is not there. */
function wasCutOff(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(wasCutOff);
  if (!(error instanceof Error)) return false;
  return CUT_OFF.has((error as NodeJS.ErrnoException).code ?? error.name);
}

function noAddress(found: readonly PromiseSettledResult<unknown>[]): ColdError {
  return found.some(({ status }) => status === 'rejected')
    ? new ColdError('unreachable', 'no name that the provider announces can be looked up')
    : new ColdError('refused', 'the provider announces no address for libp2p that may be dialled');
}

function failureOf(error: unknown, { signal, deadlineMs }: Exchange, limit: AbortSignal): ColdError {
  if (signal.aborted) return new ColdError('aborted', 'it was stopped');
  if (limit.aborted) return new ColdError('unreachable', `the provider did not answer over libp2p within ${deadlineMs / 1000} s`);
  if (error instanceof ColdError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'UnsupportedProtocolError')
    return new ColdError('refused', 'the provider does not speak this over libp2p', { cause: error });
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  // Of websockets it is an event.
  const said = (cause as { message?: unknown } | null)?.message;
  const why = typeof said === 'string' && said !== '' ? harmless(said) : 'no connection';
  return new ColdError('unreachable', `the provider is not reached over libp2p: ${why}`, { cause: error });
}

/** A peer that nobody can dial, that finds nobody, and is another one after each start. */
async function startNode(): Promise<Libp2p> {
  const [{ createLibp2p }, { tcp }, { literalWebSockets }, { noise }, { yamux }] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('./websocket.ts'),
    import('@libp2p/noise'),
    import('@libp2p/yamux'),
  ]);
  return await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp(), literalWebSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // What may be dialled was looked at before; libp2p's own rules would refuse loopback and plain websockets.
    connectionGater: { denyDialMultiaddr: () => false },
  });
}
