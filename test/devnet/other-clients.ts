import type { Chain } from './chain.ts';
import { bytesOf, pieceCidOf } from './cids.ts';
import { type Key, keyOf } from './keys.ts';
import { type Proposal, signProposal } from './market-cbor.ts';
import type { SignedProposal } from './messages.ts';

const PIECE_BYTES = 2_048;
const START_LEAD_EPOCHS = 20_000;

/**
 * The rest of the market: a client whose deals lie in the same publish messages as everyone else's, one of them invalid now
 * and then, so that a deal's place in the message, its rank among the valid ones and its number are all different.
 */
export class OtherClients {
  readonly key: Key;
  readonly #chain: Chain;
  readonly #durationEpochs: number;
  readonly #enabled: boolean;
  #made = 0;

  constructor(chain: Chain, options: { durationEpochs: number; enabled: boolean }) {
    this.#chain = chain;
    this.#durationEpochs = options.durationEpochs;
    this.#enabled = options.enabled;
    this.key = keyOf(`${chain.identity.seed}/other clients`);
  }

  mixIn(provider: string, deals: readonly SignedProposal[]): SignedProposal[] {
    if (!this.#enabled) return [...deals];
    const before = this.#deal(provider);
    const isOdd = this.#made % 2 === 1;
    const invalid = isOdd ? [{ ...this.#deal(provider), signature: before.signature }] : [];
    return [before, ...invalid, ...deals, ...(isOdd ? [] : [this.#deal(provider)])];
  }

  dump(): number {
    return this.#made;
  }

  load(made: number): void {
    this.#made = made;
  }

  #deal(provider: string): SignedProposal {
    this.#made += 1;
    const startEpoch = this.#chain.epoch + START_LEAD_EPOCHS;
    const commitment = bytesOf(`${this.#chain.identity.seed}/other piece ${this.#made}`, 32);
    commitment[31] = (commitment[31] ?? 0) & 0x3f;
    const proposal: Proposal = {
      pieceCid: pieceCidOf(commitment),
      pieceSizeBytes: PIECE_BYTES,
      verified: false,
      client: this.key.address,
      provider,
      label: `somebody else's ${this.#made}`,
      startEpoch,
      endEpoch: startEpoch + this.#durationEpochs,
      pricePerEpoch: '0',
      providerCollateral: '0',
      clientCollateral: '0',
    };
    return { proposal, signature: Buffer.from(signProposal(this.key, proposal).data).toString('base64') };
  }
}
