import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlTarget } from './control.ts';
import { createWorld } from './create-world.ts';
import { type DirLock, lockDir } from './dir-lock.ts';
import type { Faults } from './faults.ts';
import { openListeners } from './mk12/listeners.ts';
import type { DevnetOptions } from './options.ts';
import type { ProviderDeal, ProviderInfo } from './provider.ts';
import { startRpcServer } from './rpc-server.ts';
import { readSnapshot, restore, SnapshotWriter } from './snapshot.ts';
import { PERMISSIONS, type Permission } from './tokens.ts';
import { type Truth, truthOf } from './truth.ts';
import type { World } from './world.ts';

export type { DevnetOptions } from './options.ts';

/** A development network: one chain, one node that answers like Lotus v1.26.3, and storage providers. Nothing is stored on Filecoin. */
export interface Devnet {
  /** `http://127.0.0.1:…/rpc/v1`; version 0 is beside it. */
  rpcUrl: string;
  /** `http://127.0.0.1:…/devnet`: orders to the network itself, see `control.ts`. */
  controlUrl: string;
  dir: string;
  /** One token per permission, each with those below it. */
  tokens: Readonly<Record<Permission, string>>;
  /** Holds the admin token. */
  tokenFile: string;
  /** Holds the one for `sign`, all that mk12 needs. */
  signTokenFile: string;
  /** The default wallet, `f1…`. */
  wallet: string;
  providers: readonly ProviderInfo[];
  faults: Faults;
  /** Everything inside, for tests that look or change things no client could. */
  world: World;
  /** Moves the chain on by precisely that many epochs, waiting for transfers on the way; returns the head's epoch. */
  advance(epochs: number): Promise<number>;
  /** Advances until `is` holds, at most `limit` epochs; returns the head's epoch. */
  advanceUntil(is: () => boolean, limit?: number): Promise<number>;
  /** Takes the newest epochs back; with `drop` their publish messages are gone for good, else they are on the new branch again. */
  reorg(depth: number, options?: { drop?: boolean }): Promise<number>;
  /** Every proposal that reached a provider. */
  deals(): ProviderDeal[];
  /** Deals, escrow and payments as they really are; money is that of the default wallet, or of another one. */
  truth(wallet?: string): Truth;
  terminate(dealId: number): void;
  slash(dealId: number): void;
  settle(dealId: number): void;
  /** FIL from nowhere. */
  fund(address: string, atto: bigint): void;
  stop(): Promise<void>;
}

const SAVE_EVERY_MS = 1_000;
const SLASH_DELETE_EPOCHS = 100;
const UNTIL_LIMIT_EPOCHS = 200;

export async function createDevnet(options: DevnetOptions = {}): Promise<Devnet> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'fbpd-devnet-')));
  await mkdir(join(dir, 'imports'), { recursive: true });
  const lock = options.dir === undefined ? undefined : await lockDir(dir);
  try {
    return await createIn(dir, options, lock);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function createIn(dir: string, options: DevnetOptions, lock: DirLock | undefined): Promise<Devnet> {
  const writer = options.dir === undefined ? undefined : new SnapshotWriter(dir);
  const snapshot = writer === undefined ? undefined : await readSnapshot(dir);
  const world = createWorld(dir, options, snapshot?.identity, async (whole) => writer?.save(whole));
  if (snapshot !== undefined) restore(world, snapshot);
  await world.retrievals.clear();

  const devnet = new RunningDevnet(world, options);
  const listeners = await openListeners(world);
  const server = await startRpcServer(world, devnet.control, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 }).catch(
    async (error: unknown) => {
      await listeners.close();
      throw error;
    },
  );
  const tokens = Object.fromEntries(PERMISSIONS.map((one) => [one, world.tokens.upTo(one)])) as Record<Permission, string>;
  const tokenFile = join(dir, 'token');
  const signTokenFile = join(dir, 'sign-token');
  await writeFile(tokenFile, tokens.admin, { mode: 0o600 });
  await writeFile(signTokenFile, tokens.sign, { mode: 0o600 });
  await world.save();
  devnet.run();
  return Object.assign(devnet, {
    rpcUrl: `${server.url}/rpc/v1`,
    controlUrl: `${server.url}/devnet`,
    dir,
    tokens,
    tokenFile,
    signTokenFile,
    stop: async () => {
      await server.close();
      await listeners.close();
      await devnet.halt();
      await world.save();
      await lock?.release();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  });
}

class RunningDevnet {
  readonly world: World;
  readonly #blockTimeMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<unknown> = Promise.resolve();
  #halted = false;
  #sinceSaveMs = 0;

  constructor(world: World, { blockTimeMs }: DevnetOptions) {
    this.world = world;
    this.#blockTimeMs = blockTimeMs;
  }

  get wallet(): string {
    return this.world.wallet.default;
  }

  get providers(): readonly ProviderInfo[] {
    return this.world.providers.list();
  }

  get faults(): Faults {
    return this.world.faults;
  }

  async advance(epochs: number): Promise<number> {
    const { chain, clientDeals, mk12, save } = this.world;
    await this.#idle();
    // While deals are on their way every epoch is walked by itself, so that transfers end where they began.
    for (let left = epochs; left > 0; ) {
      const isBusy = [clientDeals, mk12].some((one) => one.due(chain.epoch) <= chain.epoch + 1);
      const stride = isBusy ? 1 : left;
      await chain.advance(stride);
      await this.#idle();
      left -= stride;
    }
    await save();
    return chain.epoch;
  }

  async advanceUntil(is: () => boolean, limit = UNTIL_LIMIT_EPOCHS): Promise<number> {
    for (let left = limit; !is(); left -= 1) {
      if (left === 0) throw new Error(`not so within ${limit} epochs`);
      await this.advance(1);
    }
    return this.world.chain.epoch;
  }

  async reorg(depth: number, { drop = false }: { drop?: boolean } = {}): Promise<number> {
    const { chain, messages, save } = this.world;
    await chain.reorg(depth, () => {
      if (drop) messages.drop(({ action }) => action.kind === 'publish');
    });
    await save();
    return chain.epoch;
  }

  deals(): ProviderDeal[] {
    return this.world.providers.deals();
  }

  truth(wallet = this.wallet): Truth {
    return truthOf(this.world, wallet);
  }

  terminate(dealId: number): void {
    this.#giveUp(dealId, 'terminate');
  }

  slash(dealId: number): void {
    this.#giveUp(dealId, 'slash');
  }

  settle(dealId: number): void {
    const deal = this.#dealOf(dealId);
    const key = this.world.providers.get(deal.provider).workerKey;
    this.world.messages.push(key, { kind: 'settle', proposals: [deal.proposal] });
  }

  fund(address: string, atto: bigint): void {
    this.world.accounts.credit(address, atto);
  }

  get control(): ControlTarget {
    const { faults } = this.world;
    return {
      advance: (epochs) => this.advance(epochs),
      reorg: (depth, options) => this.reorg(depth, options),
      rpcFault: ({ method, kind, ...rest }) => faults.rpc(method, kind, rest),
      providerFaults: (provider, what) => faults.provider(provider, what),
      nodeFaults: (what) => faults.node(what),
      clearFaults: (provider) => faults.clear(provider),
      giveUp: (dealId, how) => this.#giveUp(dealId, how),
      settle: (dealId) => this.settle(dealId),
      fund: (address, atto) => this.fund(address, BigInt(atto)),
      truth: (wallet) => this.truth(wallet),
    };
  }

  run(): void {
    const { world } = this;
    const blockTimeMs = this.#blockTimeMs;
    if (blockTimeMs === undefined) return;
    const tick = async () => {
      await world.chain.advance(1);
      this.#sinceSaveMs += blockTimeMs;
      if (this.#sinceSaveMs >= SAVE_EVERY_MS) {
        this.#sinceSaveMs = 0;
        await world.save();
      }
    };
    const again = () => {
      if (!this.#halted) this.#timer = setTimeout(() => (this.#ticking = tick().finally(again)), blockTimeMs);
    };
    again();
  }

  async halt(): Promise<void> {
    this.#halted = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    await this.world.mk12.close();
    await this.world.clientDeals.idle();
  }

  async #idle(): Promise<void> {
    await this.world.clientDeals.idle();
    await this.world.mk12.idle();
  }

  #giveUp(dealId: number, how: 'terminate' | 'slash'): void {
    this.world.providers.giveUp(this.#dealOf(dealId), how, SLASH_DELETE_EPOCHS);
  }

  #dealOf(dealId: number): ProviderDeal {
    const { market, providers } = this.world;
    const found = providers.deals().find(({ proposal }) => market.find(proposal) === dealId);
    if (found === undefined) throw new Error(`no deal of ours has the number ${dealId}`);
    return found;
  }
}
