import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { Devnet } from '../devnet/devnet.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { coldConfig, createColdDevnet } from '../fixtures/create-cold-daemon.ts';
import type { TestKubo } from '../fixtures/create-kubo.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const SHAPES = [
  { name: '1 MiB', bytes: MIB, rounds: 10 },
  { name: '64 MiB', bytes: 64 * MIB, rounds: 3 },
];
const QUICK_SHAPES = [{ name: '1 MiB', bytes: MIB, rounds: 2 }];
const COPIES = 3;
const SECTOR_BYTES = 512 * MIB;
const POLL_EVERY_MS = 5;
const DEADLINE_MS = 120_000;

/**
 * From `pinned` until the last of three providers of a development network has the proposal: the CAR is built and hashed,
 * providers are asked, deals prepared, written, and sent. Contents wait for no others to fill a piece with.
 */
export async function benchProposed(workspace: Workspace): Promise<Figure[]> {
  const devnet = await createColdDevnet({ providers: Array.from({ length: 5 }, () => ({ sectorSizeBytes: SECTOR_BYTES })) });
  try {
    const peer = await workspace.kubo();
    const policy = { min_fill: '1KiB', max_wait: '1h', max_price: '1 FIL' };
    const config = coldConfig(devnet, join(await workspace.dir('staging'), 'cars'), { config: { 'policies.default.cold': policy } });
    const daemon = await workspace.daemon({ config });
    const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
    const measure = (bytes: number): Promise<number> => untilProposed(client, devnet, peer, bytes);
    await measure(MIB);
    const figures: Figure[] = [];
    for (const { name, bytes, rounds } of workspace.quick ? QUICK_SHAPES : SHAPES) {
      const tookMs: number[] = [];
      while (tookMs.length < rounds) tookMs.push(await measure(bytes));
      const more = { best: quantile(tookMs, 0), worst: quantile(tookMs, 1) };
      figures.push({ name: `time from pinned to ${COPIES} proposals, ${name}`, value: quantile(tookMs, 0.5), unit: 'ms', more });
      workspace.say(`${name}: ${tookMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    }
    await daemon.stop();
    return figures;
  } finally {
    await devnet.stop();
  }
}

async function untilProposed(client: TestClient, devnet: Devnet, peer: TestKubo, bytes: number): Promise<number> {
  const proposed = devnet.truth().deals.length + COPIES;
  const cid = await peer.addBytes(randomBytes(bytes));
  const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
  await until(`${cid} is pinned`, async () => (await client.get(requestid)).status === 'pinned');
  const pinnedMs = performance.now();
  await until(`${cid} is proposed`, async () => devnet.truth().deals.length >= proposed);
  return performance.now() - pinnedMs;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const beganMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - beganMs > DEADLINE_MS) throw new Error(`not in ${DEADLINE_MS} ms: ${what}`);
    await setTimeout(POLL_EVERY_MS);
  }
}
