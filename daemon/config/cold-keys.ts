import { address, countries, epochs, fil, lotusUrl, pieceSize, places, providerIds, replicas } from './cold-kinds.ts';
import { bool, count, duration, oneOf, path, size } from './kinds.ts';

/** The sections that only the cold layer reads. */
export const COLD_SECTIONS = {
  lotus: {
    rpc: lotusUrl('rpc', {
      doc: 'The JSON-RPC endpoint of the Lotus node.',
      fallback: undefined,
      example: 'http://127.0.0.1:1234/rpc/v1',
    }),
    tokenFile: path('token_file', {
      doc: 'A file with a token for it (`lotus auth create-token --perm admin` for `cold.maker = "lotus-client"`); also taken from a systemd credential named `lotus.token`.',
      fallback: undefined,
      example: '/etc/fbpd/lotus.token',
    }),
    wallet: address('wallet', {
      doc: "The address that pays. Without it: the node's default wallet.",
      fallback: undefined,
      example: 'f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za',
    }),
  },
  cold: {
    maker: oneOf(['none', 'lotus-client'])('maker', {
      doc: 'How storage deals are made. `none`: not at all, there are hot copies only; `lotus-client`: by the `Client*` API of a Lotus node up to v1.27.0, for private networks.',
      fallback: 'none',
    }),
    staging: path('staging', {
      doc: 'Where CAR files are built and wait for providers; the Lotus node must see it under the same path. Without it: `staging` in `state.dir`.',
      fallback: undefined,
      example: '/var/lib/fbpd/staging',
    }),
    threads: count('threads', {
      doc: 'Worker threads that hash pieces. Without it: one fewer than there are cores, and at least one.',
      fallback: undefined,
      example: 2,
    }),
  },
  chain: {
    finalityEpochs: epochs('finality', {
      doc: 'What lies so far behind the head cannot be taken back. Time, or a number of epochs of 30 seconds, as everywhere where epochs are meant.',
      fallback: 900,
    }),
    confirmLostEpochs: epochs('confirm_lost', {
      doc: 'A deal that the finalized chain no longer has is given up when that is seen again so much later.',
      fallback: 120,
    }),
    startLeadEpochs: epochs('start_lead', {
      doc: 'A deal starts so long after it is proposed; the provider must have it in a sector by then.',
      fallback: '4d',
    }),
  },
  providers: {
    trusted: providerIds('trusted', {
      doc: 'The storage providers that deals are made with. As many as a policy wants copies, from different owners, or the daemon does not start.',
      fallback: [],
      example: ['f01234', 'f05678', 'f09012'],
    }),
    places: places('places', {
      doc: 'In which country (ISO 3166, two letters) a provider is; what `countries` and `spread` of a policy go by.',
      fallback: [],
      example: ['f01234=DE', 'f05678=CH'],
    }),
  },
  budget: {
    perDayAtto: fil('per_day', {
      doc: 'The most that is promised in a day (2,880 epochs): the whole price and collateral of a deal count when it is made.',
      fallback: '1 FIL',
    }),
    perDealAtto: fil('per_deal', { doc: 'The most that one deal may cost in all.', fallback: '0.25 FIL' }),
    retrievalsPerDayAtto: fil('retrievals_per_day', {
      doc: 'The most that is paid in a day for fetching bytes back, to sample and to renew; with `"0 FIL"` that is done where it is free.',
      fallback: '0 FIL',
    }),
  },
} as const;

/** For the commented file. */
export const POLICY_DOC =
  'What is wanted of cold copies, by name. Pins that name none get `default`; what another policy leaves out is as shown here.';

/** The keys of `[policies.NAME.cold]`, by their names in the domain's `ColdPolicy`. */
export const POLICY_KEYS = {
  replicas: replicas('replicas', {
    doc: 'How many copies, each with another provider: fewer than `min` is urgent, deals are made until there are `target`.',
    fallback: { min: 2, target: 3 },
  }),
  durationEpochs: epochs('duration', { doc: 'How long a deal lasts. Filecoin takes 180 to 1278 days.', fallback: '535d' }),
  renewBeforeEpochs: epochs('renew_before', {
    doc: 'A deal is replaced so long before it ends; `chain.start_lead` and time for further tries must fit in. More than half of `duration` counts as half.',
    fallback: '30d',
  }),
  maxPriceAttoPerGibEpoch: fil('max_price', {
    doc: "The most that is paid per GiB of piece and epoch. 1 nanoFIL is about a FIL per TiB and year; providers' software asks 0.5 nanoFIL unless told otherwise.",
    fallback: '2 nanoFIL',
  }),
  verifiedDeal: bool('verified_deal', { doc: 'Whether deals are made as verified ones, with DataCap of the wallet.', fallback: false }),
  countries: countries('countries', {
    doc: 'Only providers in one of these countries; empty for anywhere.',
    fallback: [],
    example: ['DE', 'CH'],
  }),
  spread: bool('spread', { doc: 'Whether the copies go to as many countries as there are to choose from.', fallback: false }),
  excluded: providerIds('excluded', {
    doc: 'Of the trusted providers, those that this policy does not use.',
    fallback: [],
    example: ['f09012'],
  }),
  maxWaitMs: duration('max_wait', {
    doc: 'Small contents wait for others, to share a piece, but no longer than this. Until then there is the hot copy alone.',
    fallback: '4h',
  }),
  minFillBytes: size('min_fill', {
    doc: 'A piece is closed as soon as its contents are so large together. More is cheaper and welcome to more providers; less is sooner safe, and smaller to build on the disk of `cold.staging`.',
    fallback: '4GiB',
  }),
} as const;

/** Limits of the cold layer, in `[limits]`. */
export const COLD_LIMITS = {
  pieceMaxBytes: pieceSize('piece_max', {
    doc: 'The largest piece, padding included; a content that does not fit into one gets no deals yet. Providers take up to their sector, 32 or 64 GiB.',
    fallback: '32GiB',
  }),
  sampleBytesPerDay: size('sample_bytes_per_day', {
    doc: 'About so much is fetched back from providers in a day, to see that they have it.',
    fallback: '8GiB',
  }),
} as const;
