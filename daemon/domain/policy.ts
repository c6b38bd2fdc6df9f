/** Named wishes for the hot copy of a content. */
export interface HotPolicy {
  name: string;
  /** False: it is kept only until the cold copies are proven, and not made again when it is read. */
  enabled: boolean;
  evict: {
    /** So many deals must be active. */
    minActive: number;
    /** It stays for so long after it was read last. */
    afterIdleMs: number;
  };
}

/** Named wishes for the cold copies of a content. Durations are epochs, prices attoFIL. */
export interface ColdPolicy {
  name: string;
  replicas: {
    /** Fewer than this is urgent. */
    min: number;
    /** Proposing goes on until there are this many. */
    target: number;
  };
  /** Length of a deal. */
  durationEpochs: number;
  /** A deal is replaced so long before it ends: start lead, sealing and retries must fit. */
  renewBeforeEpochs: number;
  /** The most that is paid per GiB (of padded piece) and epoch. */
  maxPriceAttoPerGibEpoch: bigint;
  verifiedDeal: boolean;
  /** Only providers in one of these (ISO 3166 alpha-2); empty for anywhere. */
  countries: readonly string[];
  /** Copies go to as many countries as there are to choose from. */
  spread: boolean;
  /** Providers that are never used. */
  excluded: readonly string[];
  /** A piece is sealed when its oldest content has waited so long. */
  maxWaitMs: number;
  /** A piece is sealed as soon as its contents are so large together. */
  minFillBytes: number;
  /** Of a piece of which less than this part is still wanted no copy is renewed: what is goes into another piece. 0 for never. */
  repackBelow: number;
}
