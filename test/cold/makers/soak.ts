import type { TestFn } from 'ava';

import type { PreparedDeal } from '../../../daemon/domain/cold-ports.ts';
import { memory } from '../../fixtures/memory.ts';
import { createRandom, type Random, testSeed } from '../../fixtures/random.ts';
import { asKept, type MakersSuiteOptions, never, stagedPiece, unlessUnknown } from './suite.ts';
import { type MakerWorld, SEND_FAULTS, type SendFault } from './world.ts';

const SENDS = 500;
const PIECES = 4;
const FAULTY_SHARE = 0.7;
const AT_ONCE_SHARE = 0.2;
const MEMORY_GROWTH_MAX = 48 * 2 ** 20;
const FAULTS = Object.keys(SEND_FAULTS) as SendFault[];

/** Row R5 of the exam: whatever becomes of hundreds of sends, no deal is made twice, and what is told of them is true. */
export function makersSoak({ test, createWorld }: MakersSuiteOptions & { test: TestFn }): void {
  test(`over ${SENDS} sends amid faults no deal is made twice, and memory stays flat`, async (t) => {
    const seed = testSeed();
    t.log(`FBPD_TEST_SEED=${seed}`);
    const random = createRandom(seed);
    const world = await createWorld(t);
    t.teardown(() => world.close());
    const pieces = await Promise.all(Array.from({ length: PIECES }, () => stagedPiece(world)));
    const deals: PreparedDeal[] = [];
    const before = memory();
    let sends = 0;
    let unknown = 0;
    while (sends < SENDS) {
      const order = await world.orderOf(random.pick(pieces).piece, random.pick(world.providers));
      const prepared = await world.maker.prepare({ ...order, startEpoch: order.startEpoch + deals.length }, never);
      deals.push(prepared);
      const { made, lost } = await sendSomehow(world, random, prepared);
      sends += made;
      unknown += lost;
    }
    t.true(unknown > SENDS / 4, 'there were faults enough');
    world.faults.clear();
    for (const prepared of deals) await sendUntilKnown(world, prepared);
    // Measured when no reply of 1 GB is under way any more.
    const grown = memory() - before;
    t.true(grown < MEMORY_GROWTH_MAX, `grew by ${grown} bytes`);
    const begun = (await world.truth.deals()).map(({ proposalCid }) => proposalCid);
    t.deepEqual(begun.toSorted(), deals.map(({ proposalCid }) => proposalCid).toSorted());
    t.log(`${sends} sends, ${unknown} of them without a usable reply; ${deals.length} deals meant, ${begun.length} begun`);
  });
}

/** One to three sends, each of which may meet a fault, some of them at once and by different makers. */
async function sendSomehow(world: MakerWorld, random: Random, prepared: PreparedDeal): Promise<{ made: number; lost: number }> {
  const count = 1 + random.below(3);
  if (random.next() < FAULTY_SHARE) world.faults.send(random.pick(FAULTS), 1 + random.below(count));
  const send = (): Promise<unknown> =>
    (random.next() < 0.5 ? world.maker : world.restarted()).send(asKept(prepared), never).catch(unlessUnknown);
  const replies: unknown[] = [];
  if (random.next() < AT_ONCE_SHARE) replies.push(...(await Promise.all(Array.from({ length: count }, send))));
  else for (let one = 0; one < count; one++) replies.push(await send());
  return { made: count, lost: replies.filter((reply) => reply === undefined).length };
}

/** All is well again, but a busy machine may still be slower than the deadline. */
async function sendUntilKnown(world: MakerWorld, prepared: PreparedDeal): Promise<void> {
  for (let left = 20; left > 0; left--) {
    const reply = await world.maker.send(asKept(prepared), never).catch(unlessUnknown);
    if (reply?.kind === 'sent') return;
    if (reply !== undefined) throw new Error(`refused: ${reply.said}`);
  }
  throw new Error(`${prepared.proposalCid} was never sent`);
}
