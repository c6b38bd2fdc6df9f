/** What the chain says of a provider, at one moment. Addresses of actors are ID addresses (`f0…`). */
export interface ProviderOnChain {
  /** `f0…`. */
  id: string;
  owner: string;
  worker: string;
  beneficiary: string;
  /** Absent when it announces none. */
  peerId?: string;
  /** Hosts of its announced multiaddrs; `host:port` where the host is loopback. */
  hosts: readonly string[];
  sectorSizeBytes: number;
}

/** What a provider asks for. Prices are attoFIL per GiB of padded piece and epoch. */
export interface Ask {
  priceAttoPerGibEpoch: bigint;
  verifiedPriceAttoPerGibEpoch: bigint;
  /** Padded. */
  minPieceSizeBytes: number;
  maxPieceSizeBytes: number;
  expiryEpoch: number;
}

/** Of what a provider did, with when: what its score is made of. */
export interface ProviderEvent {
  epoch: number;
  atMs: number;
  kind: 'accepted' | 'active' | 'verified' | 'refused' | 'missed' | 'lost' | 'retrieval_failed' | 'unreachable' | 'not_allowed';
  text: string;
}

/** What fbpd knows of a provider. */
export interface Provider {
  id: string;
  /** The operator's wish; overrides everything. */
  suspended?: { text: string; atMs: number };
  /** ISO 3166 alpha-2, as configured. */
  country?: string;
  chain?: ProviderOnChain;
  ask?: Ask;
  /** Epoch at which chain and ask were read last. */
  refreshedEpoch?: number;
  /** Why it could not be read the last time. */
  unreachable?: string;
  /** Not asked for a deal before this epoch, because of what it did. */
  notBeforeEpoch: number;
  /** Refusals and failures in a row: the pause grows with them. */
  failuresInRow: number;
  /** Newest last, the latest 64. */
  events: readonly ProviderEvent[];
}
