import { fc, testProp } from '@fast-check/ava';
import type { ExecutionContext } from 'ava';

import type { ColdChange, ColdStore, WaitingContent } from '../../daemon/domain/cold-store-port.ts';
import { type Deal, type DealState, LIVE_STATES } from '../../daemon/domain/deal.ts';
import type { Piece, PieceState } from '../../daemon/domain/piece.ts';
import type { Versioned } from '../../daemon/domain/ports.ts';
import type { AppendFile } from '../../daemon/store/cold/append-file.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createDeal, createPiece, createProvider } from '../fixtures/create-cold-records.ts';
import { createMemoryColdStore } from '../fixtures/create-cold-store.ts';
import type { MemoryStore } from '../fixtures/create-memory-store.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const DEAL_STATES = ['intended', 'proposed', 'accepted', 'published', 'active', 'expired', 'rejected', 'failed', 'missed', 'lost'] as const;
const PIECE_STATES = ['sealed', 'built', 'retired'] as const satisfies readonly PieceState[];
const POLICIES = ['default', 'a/b ü'];
const NUMBERS = 6;
const EPOCHS = 40;

const number = fc.nat(NUMBERS - 1);
const epoch = fc.nat(EPOCHS);
const isGone = fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0);

/** What a step makes of the deal, piece or content of a number, whatever it was before. */
type Step =
  | { kind: 'deal'; number: number; gone: boolean; fields: Partial<Deal> }
  | { kind: 'piece'; number: number; gone: boolean; fields: Partial<Piece>; members: number[] | undefined }
  | { kind: 'wait'; number: number; policy: string; sinceMs: number }
  | { kind: 'unwait'; number: number };

const dealStep: fc.Arbitrary<Step> = fc
  .record({
    number,
    gone: isGone,
    state: fc.constantFrom<DealState>(...DEAL_STATES),
    pieceNumber: number,
    cost: fc.bigInt({ min: 0n, max: 10n ** 30n }),
    due: fc.option(epoch),
    unknown: fc.boolean(),
    sends: fc.nat(2),
  })
  .map(({ number, gone, state, cost, due, unknown, sends }) => {
    const { dueEpoch: _due, ...fixed } = createDeal(number);
    const fields = { ...fixed, state, costAtto: cost, sends, ...(due === null ? {} : { dueEpoch: due }) };
    return { kind: 'deal', number, gone, fields: unknown ? { ...fields, outcome: 'unknown' as const } : fields };
  });

const pieceStep: fc.Arbitrary<Step> = fc
  .record({
    number,
    gone: isGone,
    state: fc.constantFrom(...PIECE_STATES),
    due: fc.option(fc.record({ queue: fc.constantFrom('create' as const, 'renew' as const), epoch })),
    members: fc.option(fc.uniqueArray(number, { minLength: 1 })),
  })
  .map(({ number, gone, state, due, members }) => {
    const { due: _due, ...fixed } = createPiece(number);
    return { kind: 'piece', number, gone, fields: { ...fixed, state, ...(due === null ? {} : { due }) }, members: members ?? undefined };
  });

const waitStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), number, policy: fc.constantFrom(...POLICIES), sinceMs: fc.nat(20) }),
  fc.record({ kind: fc.constant('unwait' as const), number }),
);

const steps = fc.array(fc.oneof({ weight: 3, arbitrary: dealStep }, { weight: 2, arbitrary: pieceStep }, waitStep), {
  minLength: 1,
  maxLength: 6,
});
/** Steps of one turn are handed in together, as one change or as one each. */
const turn = fc.record({ steps, together: fc.boolean(), reopen: fc.boolean() });

class Model {
  readonly deals = new Map<string, Deal>();
  readonly pieces = new Map<string, Piece>();
  /** Pieces of a content, in the order in which it joined them. */
  readonly piecesOf = new Map<string, string[]>();
  readonly waiting = new Map<string, WaitingContent>();
}

testProp(
  'every list and every sum is what a look at all records gives, after whatever changes and restarts',
  [fc.array(turn, { minLength: 1, maxLength: 12 })],
  async (t, turns) => {
    const { cold, store, spendLogFile, reopen } = await createMemoryColdStore();
    const model = new Model();
    let opened = cold;
    for (const { steps, together, reopen: isRestart } of turns) {
      const changes = await changesOf(opened, model, steps);
      if (together) await opened.write(merged(changes));
      else await Promise.all(changes.map((change) => opened.write(change)));
      if (isRestart) opened = (await reopen()).cold;
      await sameAs(t, opened, model);
      t.deepEqual(await problemsOf(store, spendLogFile), []);
    }
    t.is(opened.breaker(), undefined);
  },
  { numRuns: 60 },
);

/** Deals here are made about pieces that need not exist. */
async function problemsOf(store: MemoryStore, file: string | AppendFile): Promise<readonly string[]> {
  const { problems } = await verifyStore(store, { spendLog: { file, isLive: false } });
  return problems.filter((problem) => !/there are deals about|journal/.test(problem));
}

/** At most one step about each record; the model is as it will be then. */
async function changesOf(cold: ColdStore, model: Model, steps: readonly Step[]): Promise<ColdChange[]> {
  const changes: ColdChange[] = [];
  const touched = new Set<string>();
  for (const step of steps) {
    const names = step.kind === 'piece' ? piecesTouches(step, model) : [`${step.kind === 'deal' ? 'deal' : 'content'} ${step.number}`];
    if (names.some((name) => touched.has(name))) continue;
    for (const name of names) touched.add(name);
    changes.push(await changeOf(cold, model, step));
  }
  return changes;
}

function piecesTouches({ number, members }: Extract<Step, { kind: 'piece' }>, model: Model): string[] {
  const before = model.pieces.get(createPiece(number).id)?.members ?? [];
  const after = (members ?? [number]).map(createContentKey);
  const contents = [...before.map(({ contentKey }) => contentKey), ...after];
  const numbers = Array.from({ length: NUMBERS }, (_, at) => at).filter((at) => contents.includes(createContentKey(at)));
  return [`piece ${number}`, ...numbers.map((at) => `content ${at}`)];
}

async function changeOf(cold: ColdStore, model: Model, step: Step): Promise<ColdChange> {
  switch (step.kind) {
    case 'deal': {
      const before = await cold.deal(createDeal(step.number).id);
      // What a deal costs and where it goes is fixed when it is made.
      const fixed = before === undefined ? {} : { costAtto: before.value.costAtto };
      const after = step.gone ? undefined : ({ ...step.fields, ...fixed } as Deal);
      if (before === undefined && after === undefined) return {};
      if (after === undefined) model.deals.delete(before?.value.id ?? '');
      else model.deals.set(after.id, after);
      return { deals: [{ before, after }] };
    }
    case 'piece':
      return pieceChange(await cold.piece(createPiece(step.number).id), model, step);
    case 'wait': {
      const waiting = { contentKey: createContentKey(step.number), policy: step.policy, sizeBytes: 7, sinceMs: step.sinceMs };
      model.waiting.set(waiting.contentKey, waiting);
      return { wait: [waiting] };
    }
    case 'unwait': {
      const contentKey = createContentKey(step.number);
      model.waiting.delete(contentKey);
      return { unwait: [{ contentKey, policy: 'whatever', sizeBytes: 0, sinceMs: 0 }] };
    }
  }
}

function pieceChange(before: Versioned<Piece> | undefined, model: Model, step: Extract<Step, { kind: 'piece' }>): ColdChange {
  const members = step.members?.map((at) => ({ contentKey: createContentKey(at), sizeBytes: at })) ?? before?.value.members;
  const after = step.gone ? undefined : ({ ...step.fields, ...(members === undefined ? {} : { members }) } as Piece);
  if (after !== undefined && after.members === undefined) return {};
  if (before === undefined && after === undefined) return {};
  const id = createPiece(step.number).id;
  const [was, is] = [before?.value.members ?? [], after?.members ?? []].map((list) => list.map(({ contentKey }) => contentKey));
  for (const contentKey of was ?? []) if (!is?.includes(contentKey)) leave(model, contentKey, id);
  for (const contentKey of is ?? [])
    if (!was?.includes(contentKey)) model.piecesOf.set(contentKey, [...(model.piecesOf.get(contentKey) ?? []), id]);
  if (after === undefined) model.pieces.delete(id);
  else model.pieces.set(id, after);
  return { pieces: [{ before, after }] };
}

function leave(model: Model, contentKey: string, id: string): void {
  model.piecesOf.set(
    contentKey,
    (model.piecesOf.get(contentKey) ?? []).filter((other) => other !== id),
  );
}

function merged(changes: readonly ColdChange[]): ColdChange {
  return {
    deals: changes.flatMap(({ deals }) => deals ?? []),
    pieces: changes.flatMap(({ pieces }) => pieces ?? []),
    wait: changes.flatMap(({ wait }) => wait ?? []),
    unwait: changes.flatMap(({ unwait }) => unwait ?? []),
  };
}

async function sameAs(t: ExecutionContext, cold: ColdStore, model: Model): Promise<void> {
  const deals = [...model.deals.values()];
  const pieces = [...model.pieces.values()];
  const values = <T>(found: readonly Versioned<T>[]): T[] => found.map(({ value }) => value);
  const byId = <T extends { id: string }>(list: readonly T[]): T[] => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
  const soonest = <T extends { id: string }>(list: readonly T[], at: (one: T) => number): T[] => byId(list).sort((a, b) => at(a) - at(b));

  t.deepEqual(values(await collect(cold.deals())), byId(deals));
  for (const until of [0, EPOCHS / 2, EPOCHS]) {
    const due = deals.filter(({ dueEpoch }) => dueEpoch !== undefined && dueEpoch <= until);
    t.deepEqual(
      values(await cold.dueDeals(until, 100)),
      soonest(due, ({ dueEpoch }) => dueEpoch ?? 0),
    );
    t.deepEqual(values(await cold.dueDeals(until, 2)), soonest(due, ({ dueEpoch }) => dueEpoch ?? 0).slice(0, 2));
    for (const queue of ['create', 'renew'] as const) {
      const wanted = pieces.filter(({ due }) => due?.queue === queue && due.epoch <= until);
      t.deepEqual(
        values(await cold.duePieces(queue, until, 100)),
        soonest(wanted, ({ due }) => due?.epoch ?? 0),
      );
      const listed = soonest(wanted, ({ due }) => due?.epoch ?? 0).map(({ members: _, ...piece }) => piece);
      t.deepEqual(values(await cold.comingPieces(queue, { until }, 100)), listed);
      t.deepEqual(
        values(await cold.comingPieces(queue, { after: 1, until }, 2)),
        listed.filter(({ due }) => due !== undefined && due.epoch > 1).slice(0, 2),
      );
    }
  }
  const sealed = pieces.filter(({ state }) => state === 'sealed');
  t.deepEqual(
    values(await cold.sealedPieces(100)),
    soonest(sealed, ({ createdMs }) => createdMs),
  );
  for (let at = 0; at < NUMBERS; at++) {
    const { id } = createPiece(at);
    const ofPiece = deals.filter(({ pieceId }) => pieceId === id);
    t.deepEqual(
      values(await cold.dealsOf(id)),
      soonest(ofPiece, ({ createdMs }) => createdMs),
    );
    t.deepEqual((await cold.piece(id))?.value, model.pieces.get(id));
    const contentKey = createContentKey(at);
    const ids = model.piecesOf.get(contentKey) ?? [];
    t.deepEqual(
      values(await cold.piecesOf(contentKey)),
      ids.map((pieceId) => model.pieces.get(pieceId) as Piece),
    );
    for (const pieceId of ids) t.deepEqual(await cold.built(pieceId), model.pieces.get(pieceId)?.built);
    const waiting = model.waiting.get(contentKey);
    const [shown] = await cold.coldOf([contentKey]);
    t.deepEqual(shown, {
      ...(waiting === undefined ? {} : { waiting }),
      pieces: ids.map((pieceId) => {
        const { id: shownId, policy, state, summary, next, repack } = model.pieces.get(pieceId) as Piece;
        return { id: shownId, policy, state, summary, next, ...(repack === undefined ? {} : { repack }) };
      }),
    });
  }
  for (const { id: provider } of Array.from({ length: 5 }, (_, at) => createProvider(at))) {
    const live = deals.filter((deal) => deal.provider === provider && (LIVE_STATES as readonly string[]).includes(deal.state));
    t.deepEqual(values(await cold.liveDealsWith(provider)), byId(live));
  }
  for (const policy of POLICIES) {
    const waiting = [...model.waiting.values()].filter((one) => one.policy === policy);
    const order = (one: WaitingContent): string => `${String(one.sinceMs).padStart(4, '0')} ${one.contentKey}`;
    t.deepEqual(
      await cold.waiting(policy),
      waiting.sort((a, b) => (order(a) < order(b) ? -1 : 1)),
    );
  }
  const active = deals.filter(({ state }) => state === 'active');
  for (const chance of [0, 0.3, 0.999]) {
    const drawn = await cold.sampleActive(chance);
    t.is(drawn === undefined, active.length === 0);
    if (drawn !== undefined) t.true(active.some(({ id }) => id === drawn.value.id));
  }
  const live = deals.filter(({ state }) => (LIVE_STATES as readonly string[]).includes(state));
  t.deepEqual(cold.totals(), {
    deals: Object.fromEntries(
      DEAL_STATES.map((state) => [state, deals.filter((deal) => deal.state === state).length]).filter(([, count]) => count !== 0),
    ),
    pieces: Object.fromEntries(
      PIECE_STATES.map((state) => [state, pieces.filter((piece) => piece.state === state).length]).filter(([, count]) => count !== 0),
    ),
    unknownDeals: deals.filter(({ outcome }) => outcome === 'unknown').length,
    committedAtto: live.reduce((sum, { costAtto }) => sum + costAtto, 0n),
  });
}
