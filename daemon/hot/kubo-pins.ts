import { contentKeyOf, parseCid } from '../domain/cid.ts';
import { HotError } from '../domain/ports.ts';
import { cidOfReply } from './block-sizes.ts';
import { hotErrorOf } from './hot-errors.ts';
import { isRecord, type KuboRpc, RpcError, type RpcParams } from './kubo-rpc.ts';

const CALL_DEADLINE_MS = 60_000;
/** kubo reports every half second while it pins; the list of a million pins begins at once. */
const IDLE_MS = 60_000;

const NOT_PINNED = /not pinned|is pinned indirectly/i;
const DAG_PB = 0x70;
const SHA2_256 = 0x12;

/** kubo keeps pins by CID, so that one block under its v0 and its v1 CID is two pins. These are the names a content may go by. */
function formsOf(contentKey: string): string[] {
  const cid = parseCid(contentKey);
  const hasV0 = cid.code === DAG_PB && cid.multihash.code === SHA2_256 && cid.multihash.size === 32;
  return hasV0 ? [contentKey, cid.toV0().toString()] : [contentKey];
}

/**
 * Pins what is here.
 *
 * kubo answers 200 and then fails in a trailer: only a reply that names the pin counts. Its `offline` is about the root
 * alone: for a child that is missing it would ask the network, and wait for ever. With every block here it gets on all
 * the time, so when its count has stood still for `quietMs` one is missing, and that ends it.
 */
export async function addPin(
  rpc: KuboRpc,
  contentKey: string,
  { name, quietMs }: { name: string; quietMs: number },
  signal: AbortSignal,
): Promise<void> {
  const quiet = new AbortController();
  const timer = setTimeout(() => quiet.abort(), quietMs);
  try {
    await pinWithProgress(
      rpc,
      { arg: contentKey, name, offline: true, progress: true },
      () => timer.refresh(),
      AbortSignal.any([signal, quiet.signal]),
    );
  } catch (error) {
    if (quiet.signal.aborted && !signal.aborted) throw new HotError('stalled', `pinning ${contentKey}: not all of its blocks are here`);
    throw hotErrorOf(error, `pinning ${contentKey}`);
  } finally {
    clearTimeout(timer);
  }
}

async function pinWithProgress(rpc: KuboRpc, params: RpcParams, onProgress: () => void, signal: AbortSignal): Promise<void> {
  let nodes = 0;
  let pinned = false;
  for await (const reply of rpc.stream('pin/add', params, { signal, idleMs: IDLE_MS })) {
    if (!isRecord(reply)) continue;
    pinned ||= Array.isArray(reply.Pins) && reply.Pins.length > 0;
    if (typeof reply.Progress !== 'number' || reply.Progress === nodes) continue;
    nodes = reply.Progress;
    onProgress();
  }
  if (!pinned) throw new RpcError('garbage', 'kubo did not confirm the pin');
}

/** With `name`, only a pin of that name counts. */
export async function isPinned(rpc: KuboRpc, contentKey: string, name: string | undefined, signal: AbortSignal): Promise<boolean> {
  for (const form of formsOf(contentKey)) {
    const found = await pinName(rpc, form, signal);
    if (found !== undefined && (name === undefined || found === name)) return true;
  }
  return false;
}

/** The name of a CID's recursive pin, empty when it has none; undefined without a pin. */
async function pinName(rpc: KuboRpc, cid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    // Only recursive pins are asked for: looking whether a CID is within another's pin takes seconds.
    const reply = await rpc.call('pin/ls', { arg: cid, type: 'recursive', names: true }, { deadlineMs: CALL_DEADLINE_MS, signal });
    const [pin] = isRecord(reply) && isRecord(reply.Keys) ? Object.values(reply.Keys) : [];
    if (!isRecord(pin)) throw new RpcError('garbage', 'kubo did not say whether it is pinned');
    return typeof pin.Name === 'string' ? pin.Name : '';
  } catch (error) {
    if (isNotPinned(error)) return undefined;
    throw hotErrorOf(error, `looking for the pin of ${cid}`);
  }
}

/** Removes the pin under every form of the CID: only where all pins are ours. */
export async function removePins(rpc: KuboRpc, contentKey: string, signal: AbortSignal): Promise<void> {
  for (const form of formsOf(contentKey)) await removePin(rpc, form, signal);
}

/** Removes our pin. One of another name is somebody else's, who has pinned it since ours was begun or over ours. */
export async function removeNamedPin(rpc: KuboRpc, contentKey: string, name: string, signal: AbortSignal): Promise<void> {
  if ((await pinName(rpc, contentKey, signal)) === name) await removePin(rpc, contentKey, signal);
}

async function removePin(rpc: KuboRpc, cid: string, signal: AbortSignal): Promise<void> {
  try {
    await rpc.call('pin/rm', { arg: cid }, { deadlineMs: CALL_DEADLINE_MS, signal });
  } catch (error) {
    if (!isNotPinned(error)) throw hotErrorOf(error, `unpinning ${cid}`);
  }
}

function isNotPinned(error: unknown): boolean {
  return error instanceof RpcError && error.failure === 'refused' && NOT_PINNED.test(error.message);
}

export async function* listPins(
  rpc: KuboRpc,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<{ contentKey: string; named: boolean }, void, undefined> {
  try {
    for await (const reply of rpc.stream('pin/ls', { type: 'recursive', stream: true, names: true }, { signal, idleMs: IDLE_MS })) {
      if (!isRecord(reply) || typeof reply.Cid !== 'string') throw new RpcError('garbage', 'kubo sent something else than a pin');
      yield { contentKey: contentKeyOf(cidOfReply(reply.Cid)), named: reply.Name === name };
    }
  } catch (error) {
    throw error instanceof RpcError ? hotErrorOf(error, 'listing the pins') : error;
  }
}

/** Deletes every block that no pin holds. Errors of single blocks come in the stream and are gathered. */
export async function runGarbageCollection(rpc: KuboRpc, signal: AbortSignal): Promise<void> {
  const errors: string[] = [];
  try {
    for await (const reply of rpc.stream('repo/gc', { 'stream-errors': true }, { signal })) {
      if (isRecord(reply) && typeof reply.Error === 'string' && reply.Error !== '') errors.push(reply.Error);
    }
  } catch (error) {
    if (errors.length === 0) throw hotErrorOf(error, 'collecting garbage');
  }
  if (errors.length > 0) throw new HotError('down', `collecting garbage: ${errors.length} errors, the first: ${errors[0]}`);
}

export async function repoUsage(rpc: KuboRpc, signal: AbortSignal): Promise<{ repoBytes: number; capacityBytes: number }> {
  try {
    const reply = await rpc.call('repo/stat', { 'size-only': true }, { deadlineMs: CALL_DEADLINE_MS, signal });
    if (!isRecord(reply) || typeof reply.RepoSize !== 'number' || typeof reply.StorageMax !== 'number')
      throw new RpcError('garbage', 'kubo did not say how full its repo is');
    return { repoBytes: reply.RepoSize, capacityBytes: reply.StorageMax };
  } catch (error) {
    throw hotErrorOf(error, 'asking how full the repo is');
  }
}
