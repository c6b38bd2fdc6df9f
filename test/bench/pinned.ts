import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import type { TestKubo } from '../fixtures/create-kubo.ts';
import { type Figure, quantile } from './figures.ts';
import { RawConnection } from './raw-connection.ts';
import type { Workspace } from './workspace.ts';

interface Shape {
  name: string;
  bytes: number;
  chunkBytes: number;
  rounds: number;
}

const KIB = 1_024;
const MIB = KIB ** 2;
const SHAPES: readonly Shape[] = [
  { name: '1 block', bytes: KIB, chunkBytes: 256 * KIB, rounds: 20 },
  { name: '1 MiB', bytes: MIB, chunkBytes: 256 * KIB, rounds: 10 },
  { name: '64 MiB', bytes: 64 * MIB, chunkBytes: 256 * KIB, rounds: 5 },
  { name: '256 MiB', bytes: 256 * MIB, chunkBytes: 256 * KIB, rounds: 3 },
  { name: '5000 blocks of 1 KiB', bytes: 5_000 * KIB, chunkBytes: KIB, rounds: 5 },
];
const QUICK_SHAPES: readonly Shape[] = SHAPES.slice(0, 2).map((shape) => ({ ...shape, rounds: 2 }));
const WANTED_SHARE = 0.15;
const WANTED_MS = 20;
const POLL_EVERY_MS = 2;
const DEADLINE_MS = 300_000;
/** kubo loses a want now and then, and its `pin/add` then hangs for ever: such a round is thrown away, and counted. */
const RAW_DEADLINE_MS = 60_000;
const HUNG_MAX = 3;

/**
 * From `POST /pins` to `pinned`, asked for every two milliseconds, and beside it kubo's own `pin/add`: a content of the same
 * shape, as new, from the same peer, into a repo that syncs as ours does. Turn and turn about.
 */
export async function benchPinned(workspace: Workspace): Promise<Figure[]> {
  const peer = await workspace.kubo();
  const rawKubo = await workspace.kubo({ syncBlocks: true });
  await rawKubo.connect(peer.swarmAddresses);
  const daemon = await workspace.daemon();
  const token = await daemon.createToken('ada');
  const connection = new RawConnection(daemon.apiUrl());
  const ours = (cid: string) => untilPinned(connection, token, cid, peer.swarmAddresses);
  const theirs = (cid: string) => pinRaw(rawKubo, cid);
  await ours(await addFresh(peer, KIB, KIB));
  await theirs(await addFresh(peer, KIB, KIB));

  const figures: Figure[] = [];
  for (const shape of workspace.quick ? QUICK_SHAPES : SHAPES) {
    const figure = await compare(peer, shape, ours, theirs);
    workspace.say(`${shape.name}: ${figure.value.toFixed(1)} ms, kubo alone ${figure.baseline?.value.toFixed(1)} ms`);
    figures.push(figure);
  }
  connection.close();
  await daemon.stop();
  return figures;
}

async function compare(
  peer: TestKubo,
  { name, bytes, chunkBytes, rounds }: Shape,
  ours: (cid: string) => Promise<number>,
  theirs: (cid: string) => Promise<number | undefined>,
): Promise<Figure> {
  const oursMs: number[] = [];
  const theirsMs: number[] = [];
  let hung = 0;
  while (theirsMs.length < rounds) {
    const cids = [await addFresh(peer, bytes, chunkBytes), await addFresh(peer, bytes, chunkBytes)] as const;
    const oursFirst = theirsMs.length % 2 === 0;
    const before = oursFirst ? [await ours(cids[0])] : [];
    const theirMs = await theirs(cids[1]);
    const after = oursFirst ? [] : [await ours(cids[0])];
    oursMs.push(...before, ...after);
    if (theirMs !== undefined) theirsMs.push(theirMs);
    else if (++hung > HUNG_MAX) throw new Error(`${name}: kubo's own pin/add hung ${hung} times`);
  }
  const value = quantile(oursMs, 0.5);
  const baseline = quantile(theirsMs, 0.5);
  return {
    name: `time to pinned, ${name}`,
    value,
    unit: 'ms',
    wanted: { atMost: baseline * (1 + WANTED_SHARE) + WANTED_MS },
    baseline: { name: 'pin/add', value: baseline },
    more: {
      overheadMs: value - baseline,
      overheadPercent: (value / baseline - 1) * 100,
      best: quantile(oursMs, 0),
      'pin/add best': quantile(theirsMs, 0),
      'pin/add that hung': hung,
    },
  };
}

/** Of bytes that never were before, so that no repo has any block of it. */
function addFresh(peer: TestKubo, bytes: number, chunkBytes: number): Promise<string> {
  return peer.addBytes(randomBytes(bytes), { chunkBytes });
}

async function untilPinned(connection: RawConnection, token: string, cid: string, origins: readonly string[]): Promise<number> {
  const beganMs = performance.now();
  const accepted = await connection.request('POST', '/pins', token, { cid, origins });
  if (accepted.status !== 202) throw new Error(`POST /pins: ${accepted.status} ${accepted.body}`);
  const { requestid } = JSON.parse(accepted.body.toString()) as { requestid: string };
  while (performance.now() - beganMs < DEADLINE_MS) {
    const { body } = await connection.request('GET', `/pins/${requestid}`, token);
    const { status } = JSON.parse(body.toString()) as { status: string };
    if (status === 'pinned') return performance.now() - beganMs;
    if (status === 'failed') throw new Error(`${cid}: ${body}`);
    await setTimeout(POLL_EVERY_MS);
  }
  throw new Error(`${cid} was not pinned in ${DEADLINE_MS} ms`);
}

/** Undefined when it hung. */
async function pinRaw({ rpc }: TestKubo, cid: string): Promise<number | undefined> {
  const beganMs = performance.now();
  try {
    await rpc.call('pin/add', { arg: cid }, { deadlineMs: RAW_DEADLINE_MS });
  } catch (error) {
    if (performance.now() - beganMs >= RAW_DEADLINE_MS) return undefined;
    throw error;
  }
  return performance.now() - beganMs;
}
