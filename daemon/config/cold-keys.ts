import {
  address,
  countries,
  epochs,
  evict,
  fil,
  lotusUrl,
  part,
  pieceSize,
  places,
  providerIds,
  replicas,
  routerUrl,
  threads,
} from './cold-kinds.ts';
import { bool, duration, oneOf, path, size } from './kinds.ts';

/** The sections that only the cold layer reads. */
export const COLD_SECTIONS = {
  lotus: {
    rpc: lotusUrl('rpc', {
      doc: 'The JSON-RPC endpoint of the Lotus node.',
      fallback: undefined,
      example: 'http://127.0.0.1:1234/rpc/v1',
    }),
    tokenFile: path('token_file', {
      doc: 'A file with a token for it: `lotus auth create-token --perm sign`, or `--perm admin` for `cold.maker = "lotus-client"`; none is needed beside `lotus.wallet_key_file`. Also taken from a systemd credential named `lotus.token`.',
      fallback: undefined,
      example: '/etc/fbpd/lotus.token',
    }),
    wallet: address('wallet', {
      doc: 'The address that pays. With `cold.maker = "mk12"` best one of its own, from which nothing else sends. Without it: the default wallet of the node.',
      fallback: undefined,
      example: 'f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za',
    }),
    walletKeyFile: path('wallet_key_file', {
      doc: 'For `cold.maker = "mk12"`: a file with the key that pays, as `lotus wallet export` writes it (secp256k1, `f1…`), readable by nobody else. Deals are signed here then, and `lotus.rpc` may be a public Lotus gateway. Also taken from a systemd credential named `lotus.wallet_key`.',
      fallback: undefined,
      example: '/etc/fbpd/wallet.key',
    }),
  },
  cold: {
    maker: oneOf(['none', 'mk12', 'lotus-client'])('maker', {
      doc: 'How storage deals are made. `mk12`: by the protocol of the market of today, with Boost over libp2p and Curio over HTTP, which fetch the data from `api.public_url`; `lotus-client`: by the `Client*` API of a Lotus node up to v1.27.0, for private networks; `none`: not at all, there are hot copies only. Without it: `mk12` where `lotus.rpc` is set, else `none`.',
      fallback: undefined,
      example: 'mk12',
    }),
    staging: path('staging', {
      doc: 'Where CAR files are built for makers that need files, and wait for providers; the Lotus node must see it under the same path. Without it: `staging` in `state.dir`.',
      fallback: undefined,
      example: '/var/lib/fbpd/staging',
    }),
    threads: threads('threads', {
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
      doc: 'The storage providers that deals are made with, beside those of `fbpd providers trust`. As many as a policy wants copies, from different owners; at the first start fewer than `min` are refused, and none at all are taken as "to be found by `fbpd providers scan`".',
      fallback: [],
      example: ['f01234', 'f05678', 'f09012'],
    }),
    places: places('places', {
      doc: 'In which country (ISO 3166, two letters) a provider is; what `countries` and `spread` of a policy go by. Where none is given here, its addresses say.',
      fallback: [],
      example: ['f01234=DE', 'f05678=CH'],
    }),
    locationFile: path('location_file', {
      doc: 'A country database in MMDB form, newer than the one that is brought along, to say where providers are that `places` does not name.',
      fallback: undefined,
      example: '/var/lib/GeoIP/country.mmdb',
    }),
    privateAddresses: bool('private_addresses', {
      doc: 'For `cold.maker = "mk12"`: whether providers are talked to that announce addresses in private, loopback and link-local ranges; only for networks where that is wanted.',
      fallback: false,
    }),
    routing: routerUrl('routing', {
      doc: 'For `cold.maker = "mk12"`: a delegated router (IPNI) that is asked where a provider gives bytes back when its own addresses do not do, and who else gives a content whose providers are slow or do not give it; `"none"` for none.',
      fallback: 'https://cid.contact',
    }),
  },
  escrow: {
    levelAtto: fil('level', {
      doc: 'For `cold.maker = "mk12"`: what the escrow of the wallet has free for deals after a top-up, which comes by itself when it is half used up. `"0 FIL"`: nothing is added, see to it by hand. Without it: `budget.per_day`.',
      fallback: undefined,
      example: '1 FIL',
    }),
    maxFeeAtto: fil('max_fee_per_message', {
      doc: 'The most that one message to the market may cost in gas; while the network asks for more, it waits.',
      fallback: '0.05 FIL',
    }),
    walletLowAtto: fil('wallet_low', {
      doc: 'With less than this in the wallet it is said, in `fbpd status`, by `fbpd doctor`, in the log and in metrics. Without it: `escrow.level`.',
      fallback: undefined,
      example: '1 FIL',
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
  durationEpochs: epochs('duration', {
    doc: 'How long a deal lasts. Filecoin takes 180 days and more, up to 1278 with chain.start_lead before it.',
    fallback: '535d',
  }),
  renewBeforeEpochs: epochs('renew_before', {
    doc: 'A deal is replaced so long before it ends; `chain.start_lead` and time for further tries must fit in. More than half of `duration` counts as half.',
    fallback: '30d',
  }),
  maxPriceAttoPerGibEpoch: fil('max_price', {
    doc: "The most that is paid per GiB of piece and epoch. 1 nanoFIL is about a FIL per TiB and year; providers' software asks 0.5 nanoFIL unless told otherwise.",
    fallback: '2 nanoFIL',
  }),
  verifiedDeal: bool('verified_deal', {
    doc: 'Whether deals are made as verified ones, with DataCap of the wallet. While that does not do they wait: none is made unverified instead.',
    fallback: false,
  }),
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
  repackBelow: part('repack_below', {
    doc: 'When less than this part of a piece is still wanted as its deals come near their end, it is not renewed: what is wanted of it goes into another piece. 0 for never.',
    fallback: 0.5,
  }),
} as const;

/** For the commented file. */
export const HOT_POLICY_DOC = 'What is wanted of the hot copy, by the same names.';

/** The keys of `[policies.NAME.hot]`, by their names in the domain's `HotPolicy`. */
export const HOT_POLICY_KEYS = {
  enabled: bool('enabled', {
    doc: 'Whether a hot copy is kept beside proven cold ones, and made again when it is read. Otherwise it goes as soon as they are proven.',
    fallback: true,
  }),
  evict: evict('evict', {
    doc: 'No hot copy is let go before so many deals are active and one of them has given its bytes back, nor sooner after it was read last (a minute at least).',
    fallback: { min_active: 2, after_idle: '1h' },
  }),
} as const;

/** Limits of the cold layer, in `[limits]`. */
export const COLD_LIMITS = {
  pieceMaxBytes: pieceSize('piece_max', {
    doc: 'The largest piece, padding included; a content that does not fit into one is cut into several, and stays so when this is changed. Providers take up to their sector, 32 or 64 GiB.',
    fallback: '32GiB',
  }),
  pieceMinBytes: pieceSize('piece_min', {
    doc: 'For `cold.maker = "mk12"`: pieces that come out smaller are filled up with zeros to this size, for providers that take none smaller; Curio takes none below 16 GiB unless told otherwise. What is paid for, sent and kept is all of it. Without it nothing is filled up.',
    fallback: undefined,
    example: '1GiB',
  }),
  sampleBytesPerDay: size('sample_bytes_per_day', {
    doc: 'About so much is fetched back from providers in a day, to see that they have it.',
    fallback: '8GiB',
  }),
  drillBytes: size('drill_bytes', {
    doc: 'About so much is fetched back by one drill, over all providers.',
    fallback: '1GiB',
  }),
} as const;
