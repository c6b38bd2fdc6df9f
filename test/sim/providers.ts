import type { RefusalKind } from '../../daemon/domain/cold-ports.ts';
import type { Ask, ProviderOnChain } from '../../daemon/domain/provider.ts';

/**
 * How a provider treats what it is asked from now on:
 * - `honest`: accepts, publishes, seals
 * - `refuses`: says no at once; `not_allowed`: so, because of its allow-list; `refusesLater`: says no when it has looked at it
 * - `down`: nobody answers, and nothing it has begun goes on
 * - `silent`: takes the proposal and never answers anything
 * - `drops`: accepts, then forgets
 * - `neverSeals`: publishes, and lets the start pass
 * - `lies`: claims that deals are published and sealed which are not
 * - `denies`: says that a deal failed, and publishes it all the same
 * - `forgets`: asked itself, knows nothing of a deal until it is about to publish it
 */
export const CONDUCTS = [
  'honest',
  'refuses',
  'not_allowed',
  'refusesLater',
  'down',
  'silent',
  'drops',
  'neverSeals',
  'lies',
  'denies',
  'forgets',
] as const;
export type Conduct = (typeof CONDUCTS)[number];

export interface SimProvider {
  onChain: ProviderOnChain;
  country: string;
  ask: Ask;
  conduct: Conduct;
  /** What it does when its pieces are asked for. */
  retrieval: 'gives' | 'fails' | 'corrupts';
  /** Why it refuses, if it does. */
  refusal: RefusalKind;
  acceptEpochs: number;
  publishEpochs: number;
  sealEpochs: number;
}

const COUNTRIES = ['DE', 'DE', 'US', 'JP', 'US', 'BR', 'IN', 'DE'];

/**
 * Eight providers in six failure domains: the second shares its owner with the first, the fourth its host with the third.
 */
export function createProviders(): Map<string, SimProvider> {
  return new Map(COUNTRIES.map((country, index) => [`f0100${index}`, createProvider(index, country)]));
}

function createProvider(index: number, country: string): SimProvider {
  const owner = index === 1 ? 0 : index;
  const host = index === 3 ? 2 : index;
  return {
    onChain: {
      id: `f0100${index}`,
      owner: `f0200${owner}`,
      worker: `f0300${index}`,
      beneficiary: `f0400${index}`,
      peerId: `12D3KooWSim${index}`,
      hosts: [`sp${host}.example.org`],
      sectorSizeBytes: 32 * 1024 ** 3,
    },
    country,
    ask: {
      priceAttoPerGibEpoch: BigInt(1_000 + 100 * index),
      verifiedPriceAttoPerGibEpoch: 0n,
      minPieceSizeBytes: 256,
      maxPieceSizeBytes: 32 * 1024 ** 3,
      expiryEpoch: 1_000_000_000,
    },
    conduct: 'honest',
    retrieval: 'gives',
    refusal: 'other',
    acceptEpochs: 2 + index,
    publishEpochs: 3 + (index % 3),
    sealEpochs: 8 + 2 * index,
  };
}
