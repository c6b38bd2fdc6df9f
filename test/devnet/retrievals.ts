import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { indexCar, readBlock, writeDag } from './car-file.ts';
import { RpcError } from './errors.ts';
import type { Faults } from './faults.ts';
import type { ProviderDeal, ProviderInfo } from './provider.ts';
import type { Providers } from './providers.ts';

export interface RetrievalOrder {
  root: string;
  provider: string;
  total: bigint;
}

export interface Retrieval {
  id: string;
  root: string;
  provider: string;
  bytes: number;
  done: Promise<void>;
}

/** Retrievals that the node still knows when they are over; older ones go with their CARs, or a disk would fill up. */
const KEPT = 16;
const FIRST_ID = 1_795_345_580_497_528_021n;

/** Getting bytes back: the node fetches from a provider into a CAR of its own, from which exports are written. */
export class Retrievals {
  readonly #dir: string;
  readonly #providers: Providers;
  readonly #faults: Faults;
  #nextId = FIRST_ID;
  readonly #all = new Map<string, Retrieval>();
  readonly #over: string[] = [];

  constructor(dir: string, providers: Providers, faults: Faults) {
    this.#dir = dir;
    this.#providers = providers;
    this.#faults = faults;
  }

  /** The provider's deal whose bytes hold that CID as a block. */
  async find(info: ProviderInfo, cid: string): Promise<ProviderDeal | undefined> {
    if (this.#faults.ofProvider(info.id).loseBytes === true) return undefined;
    const deals = this.#providers.deals().filter(({ provider, file }) => provider === info.id && file !== undefined);
    // An identity CID is in no index: only a deal about just that has it.
    const byRoot = deals.find(({ root }) => root === cid);
    if (byRoot !== undefined) return byRoot;
    for (const deal of deals) if (await this.#holds(deal, cid)) return deal;
    return undefined;
  }

  begin(order: RetrievalOrder): string {
    const id = (this.#nextId++).toString();
    const retrieval: Retrieval = { id, root: order.root, provider: order.provider, bytes: 0, done: Promise.resolve() };
    retrieval.done = this.#fetch(retrieval, order).finally(() => this.#forgetAfter(id));
    retrieval.done.catch(() => undefined);
    this.#all.set(id, retrieval);
    return id;
  }

  get(id: string): Retrieval {
    const retrieval = this.#all.get(id);
    if (retrieval === undefined) throw new RpcError(1, `get retrieval deal ${id}: no such retrieval`);
    return retrieval;
  }

  list(): Retrieval[] {
    return [...this.#all.values()];
  }

  carPath(id: string): string {
    return join(this.#dir, 'retrievals', `${id}.car`);
  }

  async export(id: string, root: string, path: string, isCar: boolean): Promise<void> {
    const source = await indexCar(this.carPath(id));
    if (isCar) {
      await writeDag(source, root, path, () => undefined);
      return;
    }
    const block = await readBlock(source, root);
    if (source.blocks.size !== 1 || block === undefined) {
      throw new RpcError(1, 'the development network exports files of one block, and everything else as CARs');
    }
    const file = await open(path, 'w');
    await file.writeFile(block).finally(() => file.close());
  }

  /** Removes what an earlier run has left: its retrievals are forgotten. */
  async clear(): Promise<void> {
    await rm(join(this.#dir, 'retrievals'), { recursive: true, force: true });
  }

  dump(): string {
    return this.#nextId.toString();
  }

  load(nextId: string): void {
    this.#nextId = BigInt(nextId);
  }

  async #forgetAfter(id: string): Promise<void> {
    this.#over.push(id);
    const oldest = this.#over.length > KEPT ? this.#over.shift() : undefined;
    if (oldest === undefined) return;
    this.#all.delete(oldest);
    await rm(this.carPath(oldest), { force: true });
  }

  async #fetch(retrieval: Retrieval, { root, provider, total }: RetrievalOrder): Promise<void> {
    const info = this.#providers.find(provider);
    const faults = this.#faults.ofProvider(provider);
    if (info === undefined) throw new RpcError(1, 'Retrieval Error: failed to load miner actor: actor not found');
    if (faults.dead === true || faults.hangRetrieval === true) return new Promise(() => undefined);
    const deal = await this.find(info, root);
    if (deal?.file === undefined || faults.refuseRetrieval === true) {
      throw new RpcError(1, 'Retrieval Error: Unexpected deal response status: DealStatusErrored');
    }
    const price = info.retrievalPricePerByte * BigInt(deal.carSizeBytes ?? 0);
    if (total < price) throw new RpcError(1, 'Retrieval Proposal Rejected: deal rejected: rejected for unknown reasons');
    // Seen on real nodes, three times of three: paid in full, and never finished.
    if (price > 0n) return new Promise(() => undefined);
    await mkdir(join(this.#dir, 'retrievals'), { recursive: true });
    const path = this.carPath(retrieval.id);
    retrieval.bytes = await writeDag(await indexCar(deal.file), root, path, () => undefined);
    if (faults.corruptBytes === true) await corrupt(path);
  }

  async #holds(deal: ProviderDeal, cid: string): Promise<boolean> {
    const index = await indexCar(deal.file ?? '').catch(() => undefined);
    return index?.blocks.has(cid) === true;
  }
}

/** Flips the last byte, which lies in the block that comes last. */
async function corrupt(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, size - 1);
    await file.write(Uint8Array.of((byte[0] ?? 0) ^ 0xff), 0, 1, size - 1);
  } finally {
    await file.close();
  }
}
