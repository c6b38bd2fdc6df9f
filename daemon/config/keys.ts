import type { ColdPolicy, HotPolicy } from '../domain/policy.ts';
import { LOG_LEVELS } from '../log.ts';
import { COLD_LIMITS, COLD_SECTIONS } from './cold-keys.ts';
import {
  addresses,
  bool,
  count,
  countOrOff,
  duration,
  fraction,
  httpUrl,
  type Key,
  listen,
  multiaddrs,
  networks,
  oneOf,
  origins,
  path,
  port,
  schedule,
  size,
  text,
} from './kinds.ts';

/**
 * Every key of the config file, by section and by the name the code uses. The parser, `fbpd init`'s commented file, the
 * example under `systemd/` and the README's table all come from here.
 */
export const SECTIONS = {
  state: {
    dir: path('dir', {
      doc: "Where everything lasting lives: the store, the managed kubo's repository, `endpoints.json`.",
      fallback: '/var/lib/fbpd',
    }),
    cacheDir: path('cache_dir', {
      doc: 'What can be made again, such as a kubo built on this machine. Without it: `$CACHE_DIRECTORY`, `$XDG_CACHE_HOME/fbpd` or `~/.cache/fbpd`.',
      fallback: undefined,
      example: '/var/cache/fbpd',
    }),
    minFreeBytes: size('min_free', { doc: 'With less free space than this on the disk of `state.dir`, pins wait.', fallback: '5GiB' }),
    ballastBytes: size('ballast', {
      doc: 'Size of a file that is given up to get a full disk going again; `"0B"` for none.',
      fallback: '64MiB',
    }),
  },
  api: {
    listen: listen('listen', {
      doc: 'Where the pinning API listens, in plain HTTP; port 0 takes any free one.',
      fallback: '127.0.0.1:5080',
    }),
    publicUrl: httpUrl('public_url', {
      doc: 'What clients, and providers that fetch pieces, reach it by, when that differs, as behind a proxy that adds TLS.',
      fallback: undefined,
      example: 'https://pins.example.org',
    }),
    adminSocket: path('admin_socket', {
      doc: 'The unix socket by which the `fbpd` command reaches the daemon.',
      fallback: '/run/fbpd/admin.sock',
    }),
    adminSocketGroup: text('admin_socket_group', {
      doc: 'A group that may use the socket too; it then has mode 0660 in place of 0600.',
      fallback: undefined,
      example: 'fbpd',
    }),
    trustedProxies: networks('trusted_proxies', {
      doc: 'Proxies whose `X-Forwarded-For` is believed; without them rate limits see the proxy as one client.',
      fallback: [],
      example: ['127.0.0.1'],
    }),
    corsOrigins: origins('cors_origins', {
      doc: 'Origins whose pages may call the API from a browser; `["*"]` for all.',
      fallback: [],
      example: ['https://app.example.org'],
    }),
  },
  gateway: {
    listen: listen('listen', {
      doc: 'Where contents are read, `GET /ipfs/{cid}`, in plain HTTP; port 0 takes any free one. Not the address of the API: what people store must not look as if it came from there.',
      fallback: '127.0.0.1:5081',
    }),
    publicUrl: httpUrl('public_url', {
      doc: 'What readers reach it by, when that differs; links begin with it. Best a host of its own.',
      fallback: undefined,
      example: 'https://gateway.example.org',
    }),
    public: bool('public', {
      doc: 'Whether everything that is pinned here can be read by everybody, without a token.',
      fallback: false,
    }),
    fetchAny: bool('fetch_any', {
      doc: 'Whether tokens may also read what nobody has pinned here, from the IPFS network and under the limits of pins.',
      fallback: false,
    }),
    networkFirstMs: duration('network_first', {
      doc: 'A content without a hot copy is looked for on the IPFS network for this long before providers are asked. Without `hot.public_network` they are asked at once.',
      fallback: '1s',
    }),
    hedgeMs: duration('hedge', {
      doc: 'When a provider has sent nothing for this long, the next one is asked beside it.',
      fallback: '5s',
    }),
    firstByteTimeoutMs: duration('first_byte_timeout', {
      doc: 'A reader gets 504 when no source has given the first byte by then. A Lotus node hands out nothing before it has fetched all of it.',
      fallback: '10m',
    }),
    stallTimeoutMs: duration('stall_timeout', {
      doc: 'A source that sends nothing new for this long is given up for the next, and a reader who takes nothing for this long is cut off.',
      fallback: '1m',
    }),
  },
  hot: {
    tier: oneOf(['kubo'])('tier', { doc: 'What holds the hot copies.', fallback: 'kubo' }),
    mode: oneOf(['managed', 'external'])('mode', {
      doc: "`managed`: a kubo of our own, run and supervised by the daemon; `external`: someone else's, where only pins that we made are touched.",
      fallback: 'managed',
    }),
    rpc: httpUrl('rpc', { doc: 'External: the RPC API of that kubo.', fallback: undefined, example: 'http://127.0.0.1:5001' }),
    rpcTokenFile: path('rpc_token_file', {
      doc: 'External: a file with the secret for its `API.Authorizations`; also taken from a systemd credential named `hot.rpc_token`.',
      fallback: undefined,
      example: '/etc/fbpd/kubo.token',
    }),
    binary: path('binary', {
      doc: 'Managed: the `ipfs` program to run. Without it: `$KUBO_BINARY`, our cache, `PATH`, a download, a build with Go, in this order.',
      fallback: undefined,
      example: '/usr/local/bin/ipfs',
    }),
    capacityBytes: size('capacity', {
      doc: 'How much the hot tier may hold. Without it only `state.min_free` bounds it.',
      fallback: undefined,
      example: '500GiB',
    }),
    evictAbove: fraction('evict_above', {
      doc: 'Managed: above this part of `hot.capacity` hot copies are let go whose cold ones are proven, those least read first.',
      fallback: 0.9,
    }),
    evictDownTo: fraction('evict_down_to', { doc: 'Managed: so much of `hot.capacity` is left in use then.', fallback: 0.8 }),
    gateway: httpUrl('gateway', {
      doc: 'External: the HTTP gateway of that kubo. Without it `GET /ipfs` is not served.',
      fallback: undefined,
      example: 'http://127.0.0.1:8080',
    }),
    gcAfterBytes: size('gc_after', {
      doc: 'Managed: unpinned blocks are deleted without waiting for `schedule.gc` when there are about this many bytes of them.',
      fallback: '10GiB',
    }),
    swarmPort: port('swarm_port', { doc: 'Managed: the TCP and UDP port on which other IPFS nodes reach our kubo.', fallback: 4101 }),
    swarmListen: addresses('swarm_listen', { doc: 'Managed: the addresses it listens on.', fallback: ['0.0.0.0', '::'] }),
    announce: multiaddrs('announce', {
      doc: 'Managed: addresses to tell others in addition to those found, as when a router forwards the port.',
      fallback: [],
      example: ['/ip4/203.0.113.7/tcp/4101'],
    }),
    publicNetwork: bool('public_network', {
      doc: 'Managed: whether it joins the public IPFS network (bootstrap and DHT); otherwise content comes from pin origins only.',
      fallback: true,
    }),
  },
  ...COLD_SECTIONS,
  limits: {
    dagBytes: size('dag_bytes', { doc: 'The largest content one pin may name.', fallback: '31GiB' }),
    dagBlocks: count('dag_blocks', { doc: 'The most blocks it may have.', fallback: 4_000_000 }),
    pinTimeoutMs: duration('pin_timeout', { doc: 'A pin that could not be fetched for this long fails.', fallback: '24h' }),
    stallTimeoutMs: duration('stall_timeout', {
      doc: 'A fetch that brings no new block for this long is stopped and tried again later.',
      fallback: '5m',
    }),
    pinAttempts: count('pin_attempts', {
      doc: 'A pin fails after this many fetches that stalled; between them it waits longer each time.',
      fallback: 6,
    }),
    concurrentPins: count('concurrent_pins', { doc: 'Fetches that may bring in blocks at the same time.', fallback: 8 }),
    searchingPins: count('searching_pins', { doc: 'Fetches that may wait for their first block at the same time.', fallback: 256 }),
    privateOrigins: bool('private_origins', {
      doc: 'Whether pin origins in private, loopback and link-local ranges are dialled; only for networks where that is wanted.',
      fallback: false,
    }),
    bodyBytes: size('body', { doc: 'The largest request body.', fallback: '64KiB' }),
    headerBytes: size('headers', { doc: 'The largest request header.', fallback: '16KiB' }),
    headersTimeoutMs: duration('headers_timeout', { doc: 'A client must have sent its headers by then.', fallback: '10s' }),
    requestTimeoutMs: duration('request_timeout', { doc: 'A client must have sent its whole request by then.', fallback: '30s' }),
    connections: count('connections', { doc: 'Open connections to the API; more are refused.', fallback: 1_024 }),
    requestsPerSecond: countOrOff('requests_per_second', {
      doc: "Requests per second of one account before it gets 429, ten seconds' worth at once; 0 for no limit.",
      fallback: 1_000,
    }),
    badTokensPerMinute: countOrOff('bad_tokens_per_minute', {
      doc: 'Requests per minute with a missing or wrong token from one address before it gets 429; 0 for no limit.',
      fallback: 60,
    }),
    concurrentUploads: count('concurrent_uploads', { doc: 'Uploads of CARs that may run at the same time; more get 429.', fallback: 8 }),
    concurrentRetrievals: count('concurrent_retrievals', {
      doc: 'Contents that may be fetched back from providers at the same time; readers of more wait.',
      fallback: 8,
    }),
    ...COLD_LIMITS,
  },
  schedule: {
    create: schedule('create', {
      doc: 'When pieces are closed and built, and deals begun where copies are missing.',
      fallback: '* * * * *',
    }),
    verify: schedule('verify', {
      doc: 'When deals are compared with the chain, and a sample of their bytes is fetched back.',
      fallback: '*/5 * * * *',
    }),
    renew: schedule('renew', { doc: 'When deals about to end are replaced, and lost ones too.', fallback: '*/15 * * * *' }),
    escrow: schedule('escrow', {
      doc: 'When the escrow of the wallet is compared with the chain and topped up, with `cold.maker = "mk12"`.',
      fallback: '* * * * *',
    }),
    evict: schedule('evict', {
      doc: 'When hot copies are let go that need not be kept, and such are brought back whose cold copies have become too few. A hot tier that is filling up is looked at at once.',
      fallback: '*/10 * * * *',
    }),
    drill: schedule('drill', {
      doc: 'When a few contents are fetched from every provider that has them, as if nothing else were left, and checked to the last byte.',
      fallback: '40 3 * * *',
    }),
    gc: schedule('gc', {
      doc: 'When blocks that no pin holds are deleted from a managed kubo; fetches pause meanwhile.',
      fallback: '30 4 * * *',
    }),
    sweep: schedule('sweep', {
      doc: "When the store and the hot tier's pins are compared and differences mended.",
      fallback: '*/30 * * * *',
    }),
  },
  log: {
    level: oneOf(LOG_LEVELS)('level', { doc: 'How much is logged, as JSON lines on standard error.', fallback: 'info' }),
  },
} as const satisfies Record<string, Record<string, Key<unknown>>>;

/** One sentence about each section, for the commented file. */
export const SECTION_DOCS: Readonly<Record<keyof typeof SECTIONS, string>> = {
  state: 'Where things are kept.',
  api: 'The door: the pinning API and the admin socket.',
  gateway: 'The other door: where contents are read.',
  hot: 'The hot copies: kubo.',
  lotus: 'The Lotus node: wallet, market and chain.',
  cold: 'The cold copies: storage deals. None without a Lotus node.',
  chain: 'Time on the chain.',
  providers: 'Who keeps the cold copies.',
  escrow: 'The wallet and its money with the market, where fbpd sees to that: `cold.maker = "mk12"`.',
  budget: 'What may be spent. `fbpd freeze` stops it at once.',
  limits: 'What one request, pin or client may take.',
  schedule: "Work by the clock: cron expressions, in the machine's time zone.",
  log: 'What is said.',
};

type ValueOf<K> = K extends Key<infer T> ? T : never;

/** The values of the sections as they stand in the file, by the names of {@link SECTIONS}. */
export type Written = {
  readonly [S in keyof typeof SECTIONS]: {
    readonly [K in keyof (typeof SECTIONS)[S]]: ValueOf<(typeof SECTIONS)[S][K]>;
  };
};

/** Every value of the config file, and what follows from others where it has none. */
export type Settings = Omit<Written, 'cold'> & {
  readonly cold: Omit<Written['cold'], 'maker'> & { readonly maker: NonNullable<Written['cold']['maker']> };
} & {
  /** `default` is always among them. */
  readonly policies: readonly ColdPolicy[];
  /** The same policies' wishes for the hot copy, in the same order. */
  readonly hotPolicies: readonly HotPolicy[];
};
