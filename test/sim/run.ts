import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import type { Action } from './actions.ts';
import type { SimDaemon } from './daemon.ts';
import { checkInvariants, copiesShort, must } from './invariants.ts';
import { isTrulyActive } from './truth.ts';

/** In which order the reconcilers come is chance in life, so each step has its own. */
const ORDERS = [
  ['pieces', 'create', 'verify', 'renew', 'sample', 'evict', 'release', 'gc'],
  ['verify', 'renew', 'release', 'pieces', 'create', 'sample', 'evict'],
  ['renew', 'pieces', 'release', 'create', 'evict', 'gc', 'sample', 'verify'],
] as const;
/** What people do while the daemon works, as well as between. */
const ASKED_FOR: ReadonlySet<Action['do']> = new Set(['add', 'read', 'remove']);
const HEALING_ROUNDS = 400;
const HEALING_EPOCHS = 15;

/** Does one thing, lets the daemon work, and sees whether everything still holds. */
export async function step(daemon: SimDaemon, action: Action, index: number): Promise<void> {
  const atOnce = index % 2 === 1;
  const isAmid = atOnce && ASKED_FOR.has(action.do);
  if (!isAmid) await act(daemon, action);
  daemon.world.advance(1);
  await daemon.work(ORDERS[index % ORDERS.length] ?? ORDERS[0], atOnce, isAmid ? () => act(daemon, action) : undefined);
  await checkInvariants(daemon);
}

/**
 * Long enough for every deal to end: what is renewed in time never comes short. Time may have leapt over the beginning of
 * the first renewals, or a provider let one of them down before it got well; those may be late.
 */
export async function liveOn(daemon: SimDaemon): Promise<void> {
  const { durationEpochs, renewBeforeEpochs } = daemon.config.policy;
  const fromEpoch = daemon.world.chain.headEpoch + renewBeforeEpochs;
  const until = daemon.world.chain.headEpoch + durationEpochs;
  for (let round = 0; daemon.world.chain.headEpoch < until; round++) {
    daemon.world.advance(HEALING_EPOCHS);
    // What was terminated last is known at finality only: many losses of the story may stop the spending once more.
    if (daemon.world.chain.headEpoch < fromEpoch) await daemon.letSpend();
    await daemon.work(ORDERS[round % ORDERS.length] ?? ORDERS[0], round % 2 === 1);
    if (round % 5 === 0) await checkInvariants(daemon);
    const short = await whatIsShort(daemon);
    must(
      short.length === 0 || daemon.world.chain.headEpoch < fromEpoch,
      `renewed too late at epoch ${daemon.world.chain.headEpoch}: ${short.join('; ')}`,
    );
  }
}

/** Everything that goes wrong by itself stops going wrong; with time, every wanted content has all its copies. */
export async function healAndConverge(daemon: SimDaemon): Promise<void> {
  const { world } = daemon;
  world.heal();
  daemon.flaky.fullFor = 0;
  daemon.life.death = undefined;
  world.market.walletAtto = world.options.walletAtto;
  for (let round = 0; round < HEALING_ROUNDS; round++) {
    world.advance(HEALING_EPOCHS);
    await daemon.letSpend();
    await daemon.work(ORDERS[round % ORDERS.length] ?? ORDERS[0], round % 2 === 1);
    if (round % 10 === 0) {
      await checkInvariants(daemon);
      if ((await whatIsShort(daemon)).length === 0) return;
    }
  }
  must(false, `after healing and ${HEALING_ROUNDS * HEALING_EPOCHS} epochs: ${(await whatIsShort(daemon)).join('; ')}`);
}

/** Contents that are wanted and have too few copies, and why, as a user would read it. */
async function whatIsShort(daemon: SimDaemon): Promise<string[]> {
  const { accepted, cold, pins } = daemon;
  const keys = [...new Set([...accepted.values()].map(({ contentKey }) => contentKey))];
  const short: string[] = [];
  for (const key of keys) {
    const content = await pins.content(key);
    // Nobody can bring back what every provider has lost while there was no hot copy.
    if (content?.hot === 'failed' && content.reason?.code === 'lost') continue;
    if (content?.hot !== 'pinned' && content?.hot !== 'cold') {
      short.push(`${key} is ${content?.hot}`);
      continue;
    }
    const pieces = (await cold.piecesOf(key)).map(({ value }) => value);
    const good = pieces.filter(({ state, id }) => state === 'built' && copiesShort(daemon, [id]).length === 0);
    if (good.length > 0) continue;
    short.push(`${key}: ${pieces.map(({ id, state, next }) => `${id} ${state}, ${next.code}: ${next.text}`).join(' / ') || 'no piece'}`);
  }
  return short;
}

async function act(daemon: SimDaemon, action: Action): Promise<void> {
  const { world } = daemon;
  switch (action.do) {
    case 'advance':
      return world.advance(action.epochs);
    case 'add':
      return daemon.add(action.account, createPinRequest(0, { contentKey: createContentKey(action.content) }));
    case 'read':
      return daemon.read(createContentKey(action.content));
    case 'remove':
      return daemon.remove(action.pick);
    case 'conduct':
      world.market.provider(action.provider).conduct = action.conduct;
      return;
    case 'retrieval':
      world.market.provider(action.provider).retrieval = action.how;
      return;
    case 'heal':
      return world.heal();
    case 'terminate':
      return terminate(daemon, action.pick, action.deletes);
    case 'reorg':
      return world.chain.reorg(action.epochs);
    case 'sendFault':
      world.faults.sends.push(...Array.from({ length: action.times }, () => action.fault));
      return;
    case 'crash':
      return daemon.life.dieAfter(action.death);
    case 'storeFull':
      daemon.flaky.fullFor = action.commits;
      return;
    case 'diskFull':
      world.disk.isFull = action.isFull;
      return;
    case 'node':
      world.faults.isDown = action.how === 'down';
      world.faults.isUnauthorized = action.how === 'unauthorized';
      return;
    case 'clock':
      world.clockOffMs = action.offMs;
      return;
    case 'suspend':
      return daemon.suspend(action.provider, action.isSuspended);
    case 'freeze':
      return daemon.freeze(action.isFrozen);
    case 'wallet':
      world.market.walletAtto = action.isEmpty ? 0n : world.options.walletAtto;
      return;
    case 'restart':
      return daemon.restart();
  }
}

function terminate({ world }: SimDaemon, pick: number, deletes: boolean): void {
  const active = [...world.market.reached.values()].filter((deal) => isTrulyActive(world, deal));
  const deal = active[pick % Math.max(1, active.length)];
  if (deal !== undefined) world.chain.schedule(world.chain.headEpoch + 1, { kind: 'terminate', cid: deal.cid, deletes });
}
