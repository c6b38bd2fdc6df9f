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

export type ProviderEventKind =
  | 'accepted'
  | 'active'
  | 'verified'
  | 'refused'
  | 'missed'
  | 'lost'
  | 'retrieval_failed'
  | 'unreachable'
  | 'not_allowed';

/** Of what a provider did, with when: what its score is made of. */
export interface ProviderEvent {
  epoch: number;
  atMs: number;
  kind: ProviderEventKind;
  text: string;
}

/** How often each thing happened in one month (30 days of epochs, counted from the first one), and before it where it is the oldest kept. */
export interface ProviderMonth {
  month: number;
  counts: Readonly<Partial<Record<ProviderEventKind, number>>>;
}

/** What a provider may fail at, again and again: to answer, to take deals, to seal and keep them, to give bytes back. */
export type Duty = 'answer' | 'take' | 'keep' | 'give_back';

/** Of failures in a row: how many, and the epoch of the latest that was counted. */
export interface Streak {
  count: number;
  epoch: number;
}

/** Given no deals for a while, by itself and not by the operator, after a streak of failures. */
export interface SetAside {
  duty: Duty;
  text: string;
  sinceEpoch: number;
  /** Then it is tried again: its ask is read, and it is given one deal. */
  untilEpoch: number;
  /** Doubled when the trial goes wrong, too. */
  lengthEpochs: number;
  /** When it was given a deal as a trial. */
  triedEpoch?: number;
}

/** Somebody that a scan of the chain has found, as it was then. Nobody deals with it before the operator trusts it. */
export interface Candidate extends Pick<Provider, 'id' | 'country' | 'countryFrom' | 'countryUnknown'> {
  chain: ProviderOnChain;
  ask: Ask;
  readEpoch: number;
  /** By what it answered: `https`, `http`, `libp2p`, or `lotus` where the node asks. */
  over: string;
  tookMs: number;
}

/** How far the last walk over the chain's providers came. */
export interface ScanMark {
  /** The head when it began. */
  epoch: number;
  /** The number of the last one that was looked at; absent once all were. */
  after?: number;
}

/** What fbpd knows of a provider. */
export interface Provider {
  id: string;
  /** By the operator's word, in addition to those that the config names. */
  trusted?: { atMs: number };
  /** The operator's wish; overrides everything. */
  suspended?: { text: string; atMs: number };
  /** ISO 3166 alpha-2. */
  country?: string;
  /** Absent with the country, and in what older versions wrote, which knew those of the config only. */
  countryFrom?: 'config' | 'address';
  /** Why there is no country, where its addresses were looked at. */
  countryUnknown?: string;
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
  /** Absent while nothing went wrong since the last time that it went well. */
  streaks?: Readonly<Partial<Record<Duty, Streak>>>;
  setAside?: SetAside;
  /** Newest last, the latest 64. */
  events: readonly ProviderEvent[];
  /** All that it ever did, newest month last; absent in what older versions wrote, of which `events` are all that is known. */
  months?: readonly ProviderMonth[];
}
