import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { Deal } from '../../daemon/domain/deal.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { KNOWN_CONTENTS } from './contents.ts';
import { type SimConfig, SimDaemon, SMALL_CONFIG } from './daemon.ts';
import type { Death } from './life.ts';
import { SHORT_POLICY } from './property.ts';
import { healAndConverge, liveOn } from './run.ts';
import { SMALL_WORLD, World, type WorldOptions } from './world.ts';

const CONTENTS = KNOWN_CONTENTS;
/** Four of them make a piece. */
const CONFIG: SimConfig = { ...SMALL_CONFIG, policy: SHORT_POLICY, contentBytes: 300 * 2 ** 20 };

interface Told {
  seed: number;
  /** Contents that are unpinned when all copies are there. */
  dead: readonly number[];
  deaths?: readonly Death[];
  config?: Partial<SimConfig>;
  maker?: WorldOptions['maker'];
}

/** Pieces of four contents with all their copies, some of which are unpinned; then a term goes by in a world that is well. */
async function liveATerm({ seed, dead, deaths = [], config, maker = SMALL_WORLD.maker }: Told): Promise<SimDaemon> {
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed, maker }), { ...CONFIG, ...config });
  for (let n = 0; n < CONTENTS; n++) await daemon.add('alice', createPinRequest(0, { contentKey: createContentKey(n) }));
  await healAndConverge(daemon);
  const keys = new Set(dead.map(createContentKey));
  for (const [requestId, pin] of [...daemon.accepted]) {
    if (!keys.has(pin.contentKey)) continue;
    daemon.accepted.delete(requestId);
    await daemon.pins.remove('alice', requestId);
  }
  // One at a time, wherever it is then.
  const passes = SHORT_POLICY.durationEpochs / (deaths.length + 1);
  for (const [index, death] of deaths.entries()) daemon.world.later(Math.floor(passes * (index + 1)), () => daemon.life.dieAfter(death));
  await liveOn(daemon);
  return daemon;
}

async function dealsOf({ cold }: SimDaemon): Promise<Deal[]> {
  const deals: Deal[] = [];
  for await (const { value } of cold.deals()) deals.push(value);
  return deals;
}

const wantedOf = ({ members }: Piece) => members.filter(({ gone }) => gone === undefined);

/** By the records: what is paid for beyond the time at which it would be renewed. */
async function lasting(daemon: SimDaemon): Promise<{ bytes: number; pieces: Piece[] }> {
  const { cold, world } = daemon;
  const ahead = world.chain.headEpoch + SHORT_POLICY.renewBeforeEpochs;
  const live = (await dealsOf(daemon)).filter(({ state, terms }) => state === 'active' && terms.endEpoch > ahead);
  const found = new Map<string, Piece>();
  let bytes = 0;
  for (const { pieceId } of live) {
    const piece = (await cold.piece(pieceId))?.value;
    if (piece === undefined) throw new Error(`no piece ${pieceId}`);
    found.set(pieceId, piece);
    bytes += piece.built?.pieceSizeBytes ?? 0;
  }
  return { bytes, pieces: [...found.values()] };
}

test('what is left of two mostly dead pieces is in one smaller piece a term later, and the old ones are retired', async (t) => {
  const daemon = await liveATerm({ seed: 3, dead: [0, 1, 2, 4, 5, 6] });
  const { pieces, bytes } = await lasting(daemon);
  t.deepEqual(
    pieces.map((piece) => [wantedOf(piece).length, piece.members.length, piece.state]),
    [[2, 2, 'built']],
  );
  t.is(bytes, 3 * 2 ** 30);
  t.is(daemon.cold.totals().pieces.retired, 2);
  t.false((await dealsOf(daemon)).some(({ reason }) => reason !== 'missing'));
});

test('where nothing is to be repacked the same pieces are renewed', async (t) => {
  const daemon = await liveATerm({ seed: 3, dead: [0, 1, 2, 4, 5, 6], config: { policy: { ...SHORT_POLICY, repackBelow: 0 } } });
  t.is(daemon.cold.totals().pieces.retired, undefined);
  t.is((await lasting(daemon)).bytes, 2 * 3 * 2 * 2 ** 30);
});

testProp(
  'whichever are unpinned, and wherever the process dies: no content is ever short of copies, and a term later next to nothing dead is paid for',
  [
    fc.nat(1_000_000),
    fc.uniqueArray(fc.nat(CONTENTS - 1), { minLength: 1, maxLength: CONTENTS - 1 }),
    fc.array(fc.record<Death>({ calls: fc.integer({ min: 1, max: 60 }), when: fc.constantFrom('before', 'after') }), { maxLength: 8 }),
    fc.constantFrom<Partial<SimConfig>>({}, { hotContents: 2 }, { policy: { ...SHORT_POLICY, repackBelow: 0.9 } }),
    fc.constantFrom('files' as const, 'fetches' as const),
  ],
  async (t, seed, dead, deaths, config, maker) => {
    const daemon = await liveATerm({ seed, dead, deaths, config, maker });
    const { bytes } = await lasting(daemon);
    const wantedBytes = (CONTENTS - dead.length) * CONFIG.contentBytes;
    // Not less than half of a CAR is wanted, and padding at most doubles it.
    t.true(bytes <= SHORT_POLICY.replicas.target * 4 * wantedBytes, `${bytes} bytes are paid for, ${wantedBytes} are wanted`);
  },
  { numRuns: 12 },
);
