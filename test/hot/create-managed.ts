import { join } from 'node:path';

import { findKubosOf } from '../../daemon/hot/kubo-leftover.ts';
import { kuboFiles } from '../../daemon/hot/kubo-repo.ts';
import { createKuboRpc } from '../../daemon/hot/kubo-rpc.ts';
import { createManagedKubo, type ManagedKuboOptions } from '../../daemon/hot/managed.ts';
import { createLog } from '../../daemon/log.ts';
import { kuboBinary } from '../fixtures/create-kubo.ts';
import type { TierUnderTest } from './suite.ts';

/** Options of a managed kubo on loopback that knows nobody. */
export function managedOptions(stateDir: string, over: Partial<ManagedKuboOptions> = {}): ManagedKuboOptions {
  return {
    binary: kuboBinary(),
    stateDir,
    capacityBytes: 10 * 2 ** 30,
    swarm: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/quic-v1'],
    publicNetwork: false,
    maxAddresses: 3,
    allowLoopback: true,
    allowPrivate: true,
    environment: { PATH: process.env.PATH },
    log: createLog('silent'),
    ...over,
  };
}

export async function createManagedTier(dir: string, over: Partial<ManagedKuboOptions> = {}): Promise<TierUnderTest> {
  const files = kuboFiles(dir);
  const tier = createManagedKubo(managedOptions(dir, over));
  await tier.start();
  const rpc = createKuboRpc({ target: () => ({ socketPath: files.socket }) });
  return {
    tier,
    rpc,
    blocksDir: join(files.repo, 'blocks'),
    async killKubo() {
      for (const { pid } of await findKubosOf(files.repo)) process.kill(pid, 'SIGKILL');
    },
    async stop() {
      rpc.close();
      await tier.stop();
    },
  };
}
