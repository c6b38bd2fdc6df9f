import { join } from 'node:path';

import test from 'ava';

import { createExternalKubo } from '../../daemon/hot/external.ts';
import { createLog } from '../../daemon/log.ts';
import { startTestKubo } from '../fixtures/create-kubo.ts';
import { hotTierSuite } from './suite.ts';

hotTierSuite({
  test,
  async create(dir, { pinQuietMs }) {
    const kubo = await startTestKubo(join(dir, 'kubo'));
    const tier = createExternalKubo({
      rpcUrl: kubo.rpcUrl,
      rpcToken: undefined,
      stateDir: dir,
      probeEveryMs: 200,
      pinQuietMs,
      maxAddresses: 3,
      allowLoopback: true,
      allowPrivate: true,
      log: createLog('silent'),
    });
    await tier.start();
    return {
      tier,
      rpc: kubo.rpc,
      blocksDir: join(kubo.repo, 'blocks'),
      killKubo: async () => kubo.kill('SIGKILL'),
      async stop() {
        await tier.stop();
        await kubo.stop();
      },
    };
  },
});
