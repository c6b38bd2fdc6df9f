import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import type { ChainIdentity } from './tip-sets.ts';
import type { World } from './world.ts';

const FILE = 'devnet.json';

/** What a network is, as written on its first start. */
export interface Identity {
  chain: ChainIdentity;
  network: string;
}

function contents(world: World) {
  const { chain, messages, wallet, funds, imports, clientDeals, providers, others, retrievals, network } = world;
  return {
    identity: { chain: chain.identity, network } satisfies Identity,
    chain: chain.dump(),
    messages: messages.dump(),
    wallet: wallet.dump(),
    funds: funds.dump(),
    imports: imports.dump(),
    clientDeals: clientDeals.dump(),
    providers: providers.dump(),
    others: others.dump(),
    retrievals: retrievals.dump(),
  };
}

type Snapshot = ReturnType<typeof contents>;

/** The network as it was left; undefined where there is none yet. */
export async function readSnapshot(dir: string): Promise<Snapshot | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, FILE), 'utf8')) as Snapshot;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`the development network's state in ${dir} cannot be read: remove the directory to begin a new network`, {
      cause: error,
    });
  }
}

export function restore(world: World, snapshot: Snapshot): void {
  world.chain.load(snapshot.chain);
  world.messages.load(snapshot.messages);
  world.wallet.load(snapshot.wallet);
  world.funds.load(snapshot.funds);
  world.imports.load(snapshot.imports);
  world.clientDeals.load(snapshot.clientDeals);
  world.providers.load(snapshot.providers);
  world.others.load(snapshot.others);
  world.retrievals.load(snapshot.retrievals);
  world.market.onReorg();
}

/** One writer, whole files only; calls that come while one is written share the next. */
export class SnapshotWriter {
  readonly #dir: string;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  save(world: World): Promise<void> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write(JSON.stringify(contents(world)));
      return this.#writing;
    });
    return this.#next;
  }

  async #write(text: string): Promise<void> {
    const path = join(this.#dir, FILE);
    const file = await open(`${path}.new`, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }
}
