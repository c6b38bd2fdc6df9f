import { readFile } from 'node:fs/promises';

import type { HotStatusReport } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { type AddressPolicy, selectAddresses } from './addresses.ts';
import { writeFileAtomic } from './kubo-repo.ts';
import { isRecord, type KuboRpc, RpcError } from './kubo-rpc.ts';

/** What a kubo says of itself. */
export interface NodeIdentity {
  peerId: string;
  /** All its multiaddrs, each ending in `/p2p/<peerId>`. */
  addresses: readonly string[];
  /** `kubo/0.43.0/…` */
  agent: string;
}

export async function askIdentity(rpc: KuboRpc, deadlineMs: number, signal?: AbortSignal): Promise<NodeIdentity> {
  const reply = await rpc.call('id', {}, { deadlineMs, signal });
  if (!isRecord(reply) || typeof reply.ID !== 'string') throw new RpcError('garbage', 'kubo did not say who it is');
  const addresses = Array.isArray(reply.Addresses) ? reply.Addresses.filter((one): one is string => typeof one === 'string') : [];
  return { peerId: reply.ID, addresses, agent: typeof reply.AgentVersion === 'string' ? reply.AgentVersion : '' };
}

/**
 * What is known of the node now and was known last, kept in a file so that `delegates` can be answered from the first
 * moment of a later life, kubo up or not.
 */
export interface KnownNode {
  /** Reads the file of the life before. A missing or broken one is as none. */
  load(): Promise<void>;
  /** The peer id from the repo, before kubo ever ran. */
  setPeerId(peerId: string): void;
  setUp(identity: NodeIdentity): Promise<void>;
  setDown(why: string): void;
  report(): HotStatusReport;
}

export function createKnownNode({ path, policy, log }: { path: string; policy: AddressPolicy; log: Log }): KnownNode {
  let last: { peerId: string; addresses: readonly string[] } | undefined;
  let state: { up: boolean; detail: string } = { up: false, detail: 'kubo has not been started' };
  let saved = '';

  async function save(): Promise<void> {
    const text = JSON.stringify(last);
    if (text === saved) return;
    try {
      await writeFileAtomic(path, text);
      saved = text;
    } catch (error) {
      // Tried again with the next look at kubo; the addresses are known while we run.
      log.warn({ err: error, path }, 'the addresses of kubo could not be written down');
    }
  }

  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => '');
      last = parseKnown(text) ?? last;
      if (last !== undefined) saved = text;
    },
    setPeerId(peerId) {
      if (last?.peerId !== peerId) last = { peerId, addresses: [`/p2p/${peerId}`] };
    },
    async setUp({ peerId, addresses, agent }) {
      last = { peerId, addresses: selectAddresses(addresses, peerId, policy) };
      state = { up: true, detail: agent.replace(/\/$/, '') };
      await save();
    },
    setDown(why) {
      state = { up: false, detail: why };
    },
    report() {
      return last === undefined ? { ...state, addresses: [] } : { ...state, ...last };
    },
  };
}

function parseKnown(text: string): { peerId: string; addresses: readonly string[] } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || typeof value.peerId !== 'string' || !Array.isArray(value.addresses)) return undefined;
    const addresses = value.addresses.filter((one): one is string => typeof one === 'string');
    return addresses.length === 0 ? undefined : { peerId: value.peerId, addresses };
  } catch {
    return undefined;
  }
}
