import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';

import type { Devnet } from '../devnet/devnet.ts';
import { createClient } from '../fixtures/create-client.ts';
import { coldConfig, createColdDevnet } from '../fixtures/create-cold-daemon.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { fundEscrow } from '../fixtures/create-mk12-client.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';
import type { Figure } from './figures.ts';
import { rssDuring } from './rss.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const COPIES = 3;
const SECTOR_BYTES = 2 * 2 ** 30;
const DEADLINE_MS = 1_200_000;
/** Providers of the development network hash what they fetched in one thread, all of them: no deal may start meanwhile. */
const LONG_DEAL = { start_lead: 40_000, duration: 200_000, renew_before: 60_000 };
/** Whatever the size of the content: what the hashing threads hold, what fifteen ranges read ahead, and garbage of both. */
const WANTED_MB = 150;

/**
 * One content from `pinned` to three active deals by mk12: the piece is hashed, proposals are signed and sent, three providers of a
 * development network fetch it by range from here, hash it, publish and seal. Beside it the same with the smallest content: what is
 * not a matter of bytes.
 */
export async function benchActive(workspace: Workspace): Promise<Figure[]> {
  const providers = Array.from({ length: COPIES }, () => ({ mk12: 'both', sectorSizeBytes: SECTOR_BYTES }) as const);
  const devnet = await createColdDevnet({ providers });
  try {
    await fundEscrow(devnet);
    const port = await freePort();
    const config = coldConfig(devnet, await workspace.dir('staging'), {
      config: {
        api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
        cold: { maker: 'mk12', threads: 1, staging: join(await workspace.dir('staging'), 'cars') },
        chain: { finality: 5, confirm_lost: 5, start_lead: LONG_DEAL.start_lead },
        providers: { trusted: devnet.providers.map(({ id }) => id), private_addresses: true, routing: 'none' },
        limits: { piece_max: '2GiB', dag_bytes: '2GiB', sample_bytes_per_day: '1B' },
        'policies.default.cold': {
          duration: LONG_DEAL.duration,
          renew_before: LONG_DEAL.renew_before,
          min_fill: '1KiB',
          max_wait: '1h',
          max_price: '1 FIL',
        },
      },
    });
    const daemon = await workspace.daemon({ config });
    const contentMib = workspace.quick ? 4 : 1_024;
    const [least] = [await untilActive(workspace, daemon, devnet, 1_024)];
    const { beforeMb, mostMb, result } = await rssDuring(daemon.pid(), () => untilActive(workspace, daemon, devnet, contentMib * MIB));
    await daemon.stop();
    const name = `${contentMib} MiB from pinned to ${COPIES} active deals by mk12`;
    return [
      {
        name,
        value: result.activeMs / 1_000,
        unit: 's',
        baseline: { name: '1 KiB', value: least.activeMs / 1_000 },
        more: { 'until proposed': result.proposedMs / 1_000, 'until published': result.publishedMs / 1_000 },
      },
      {
        name: 'RSS of the daemon grows meanwhile, with the fetch before it, by at most',
        value: mostMb - beforeMb,
        unit: 'MB',
        wanted: { atMost: WANTED_MB },
        baseline: { name: 'it was before', value: beforeMb },
      },
    ];
  } finally {
    await devnet.stop();
  }
}

async function untilActive(
  workspace: Workspace,
  daemon: TestDaemon,
  devnet: Devnet,
  bytes: number,
): Promise<{ proposedMs: number; publishedMs: number; activeMs: number }> {
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const peer = await workspace.kubo();
  const before = devnet.truth().deals.length;
  const mine = () => devnet.truth().deals.slice(before);
  const cid = await peer.addBytes(randomFillSync(Buffer.alloc(bytes)), { cidVersion: 1 });
  const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
  await poll('it is pinned', DEADLINE_MS, async () => (await client.get(requestid)).status === 'pinned');
  await peer.stop();
  const beganMs = performance.now();
  await poll('it is proposed', DEADLINE_MS, async () => mine().length >= COPIES);
  const proposedMs = performance.now() - beganMs;
  await poll('it is published', DEADLINE_MS, async () => mine().filter(({ dealId }) => dealId !== null).length >= COPIES);
  const publishedMs = performance.now() - beganMs;
  await poll('it is active', DEADLINE_MS, async () => {
    const { info } = await client.get(requestid);
    return Number(info?.replicas_active ?? 0) >= COPIES;
  });
  const activeMs = performance.now() - beganMs;
  const [proposed, published, active] = [proposedMs, publishedMs, activeMs].map((ms) => `${(ms / 1_000).toFixed(1)} s`);
  workspace.say(`${bytes} bytes: proposed after ${proposed}, published after ${published}, active after ${active}`);
  return { proposedMs, publishedMs, activeMs };
}
