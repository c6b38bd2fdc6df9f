import type { ColdPolicy } from '../../domain/policy.ts';
import type { WalletPort } from '../../domain/wallet-port.ts';
import { type Datacap, freeDatacap } from '../../plan/datacap.ts';
import { ASK_NODE_MS, answerOf, within } from './deadline.ts';
import type { Desk } from './desk.ts';

export interface DatacapWatchOptions {
  policies: readonly Pick<ColdPolicy, 'verifiedDeal'>[];
  desk: Desk;
  /** Absent where the maker sees to it. */
  funding?: { wallet: Pick<WalletPort, 'datacap'> };
}

/** What the wallet may make verified deals with, by the last look. */
export class DatacapWatch {
  readonly #options: DatacapWatchOptions;
  #datacap: Datacap = 'unread';

  constructor(options: DatacapWatchOptions) {
    this.#options = options;
  }

  /** Less what was promised; undefined where the maker sees to it, or no policy wants such deals. */
  async free(): Promise<Datacap | undefined> {
    if (!this.#isWanted()) return undefined;
    return freeDatacap(this.#datacap, (await this.#options.desk.exposure()).promisedDatacapBytes);
  }

  async look(address: string, signal: AbortSignal): Promise<void> {
    const { funding } = this.#options;
    if (funding === undefined || !this.#isWanted()) return;
    const read = funding.wallet.datacap(address, within(signal, ASK_NODE_MS));
    const known = await answerOf(read.then((bytes): Datacap => (bytes === undefined ? 'no_client' : { freeBytes: bytes })));
    this.#datacap = known ?? 'unread';
  }

  #isWanted(): boolean {
    const { funding, policies } = this.#options;
    return funding !== undefined && policies.some(({ verifiedDeal }) => verifiedDeal);
  }
}
