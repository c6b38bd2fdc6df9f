import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { type FindKuboOptions, findKubo, isAtLeast, TESTED_VERSION } from './kubo-binary.ts';
import { createKuboRpc, isRecord, type KuboRpc } from './kubo-rpc.ts';

/** What one look at the hot tier found, for `fbpd doctor`. */
export interface HotFinding {
  about: string;
  state: 'ok' | 'warn' | 'fail';
  text: string;
}

const ANSWER_TIMEOUT_MS = 5_000;

/** Which kubo program the daemon would run, or how it would get one. Nothing is downloaded, built or started. */
export async function examineManagedKubo(options: Omit<FindKuboOptions, 'onProgress' | 'obtain'>): Promise<HotFinding> {
  try {
    const { path, version, how } = await findKubo({ ...options, onProgress: () => undefined, obtain: false });
    return { about: 'kubo', state: 'ok', text: `${version} at ${path}, from ${how.split(' ')[0]}` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // A program that was named and cannot be used is not replaced by another.
    if (options.configured !== undefined || options.kuboBinary !== undefined) return { about: 'kubo', state: 'fail', text: why };
    const go = await hasGo(options.environment);
    const text = `none is here; the first start downloads ${TESTED_VERSION}${go ? ', or builds it with Go where that fails' : ' (no Go toolchain is here to build it with)'}`;
    return { about: 'kubo', state: 'warn', text };
  }
}

async function hasGo(env: Readonly<Record<string, string>>): Promise<boolean> {
  return promisify(execFile)('go', ['version'], { env, timeout: ANSWER_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}

/** Whether somebody else's kubo answers, and what a pin is worth there. */
export async function examineExternalKubo({ rpcUrl, rpcToken }: { rpcUrl: string; rpcToken: string | undefined }): Promise<HotFinding[]> {
  const rpc = createKuboRpc({
    target: () => ({ url: new URL(rpcUrl) }),
    authorization: rpcToken === undefined ? undefined : `Bearer ${rpcToken}`,
  });
  try {
    const version = await rpc.call('version', {}, { deadlineMs: ANSWER_TIMEOUT_MS });
    return [reached(rpcUrl, version), await durability(rpc), GARBAGE];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ about: 'hot.rpc', state: 'fail', text: `${rpcUrl} does not answer (${why}); pins wait until it does` }];
  } finally {
    rpc.close();
  }
}

function reached(rpcUrl: string, reply: unknown): HotFinding {
  const version = isRecord(reply) && typeof reply.Version === 'string' ? reply.Version : 'unknown';
  if (isAtLeast(version, TESTED_VERSION)) return { about: 'hot.rpc', state: 'ok', text: `kubo ${version} answers at ${rpcUrl}` };
  return {
    about: 'hot.rpc',
    state: 'warn',
    text: `kubo ${version} answers at ${rpcUrl}, but nothing older than ${TESTED_VERSION} was tested`,
  };
}

/** flatfs does not sync its files unless told to: after a power cut a pin may then hold empty blocks. */
async function durability(rpc: KuboRpc): Promise<HotFinding> {
  const about = 'hot.rpc datastore';
  const config = await rpc.call('config/show', {}, { deadlineMs: ANSWER_TIMEOUT_MS }).catch(() => undefined);
  if (config === undefined)
    return {
      about,
      state: 'warn',
      text: 'its config may not be read with our authorization, so whether blocks survive a power cut is not known',
    };
  return syncIsOff(config)
    ? {
        about,
        state: 'warn',
        text: 'flatfs does not sync there ("sync": false): after a power cut, pins that say pinned may have lost blocks',
      }
    : { about, state: 'ok', text: 'blocks are synced when written' };
}

function syncIsOff(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(syncIsOff);
  if (!isRecord(value)) return false;
  return (value.type === 'flatfs' && value.sync === false) || Object.values(value).some(syncIsOff);
}

const GARBAGE: HotFinding = {
  about: 'hot.rpc garbage',
  state: 'ok',
  text: 'left to its owner: what fbpd unpins stays there until they collect garbage, which may also undo a fetch under way (it is then tried again)',
};
