import { isRecord } from './kubo-rpc.ts';

export type KuboConfig = Readonly<Record<string, unknown>>;

/** Where the managed kubo's RPC listens: a socket, or a loopback port with a secret where the path is too long for one. */
export type RpcListen = { socketPath: string } | { secret: string };

export interface KuboSettings {
  listen: RpcListen;
  /** Where its gateway listens: a socket that only our own user can reach, as a gateway asks nobody who they are. */
  gatewaySocket: string;
  /** Swarm listen multiaddrs with real ports. */
  swarm: readonly string[];
  /** Multiaddrs to tell the world beside the discovered ones, e.g. a forwarded port. */
  announce: readonly string[];
  capacityBytes: number;
  /** What libp2p may use for connections and streams. */
  networkMemoryBytes: number;
  /** DHT, indexer, bootstrap peers, port mapping. Off: only peers that are dialled or dial us. */
  publicNetwork: boolean;
  allowPrivate: boolean;
  allowLoopback: boolean;
}

/** Long past any deadline of ours, so that it is always we who give up first and know why. */
const RETRIEVAL_TIMEOUT = '24h';
const SHUTDOWN_TIMEOUT = '20s';

/**
 * The IPFS network's own bootstrap peers and indexer, as kubo 0.43 carries them for when its AutoConf service does
 * not answer. Fixed here, because with AutoConf on a start without internet takes five seconds longer, and because
 * a daemon should not ask a third party for its configuration.
 */
const BOOTSTRAP = [
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt',
  '/dnsaddr/va1.bootstrap.libp2p.io/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8',
  '/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ',
];
const INDEXER = 'https://cid.contact';

/** Never dialled and never accepted from, unless allowed: RFC 6890's special ranges, as kubo's own `server` profile has them. */
const PRIVATE_RANGES = [
  '/ip4/10.0.0.0/ipcidr/8',
  '/ip4/100.64.0.0/ipcidr/10',
  '/ip4/169.254.0.0/ipcidr/16',
  '/ip4/172.16.0.0/ipcidr/12',
  '/ip4/192.0.0.0/ipcidr/24',
  '/ip4/192.168.0.0/ipcidr/16',
  '/ip4/198.18.0.0/ipcidr/15',
  '/ip6/fc00::/ipcidr/7',
  '/ip6/fe80::/ipcidr/10',
];
const LOOPBACK_RANGES = ['/ip4/127.0.0.0/ipcidr/8', '/ip6/::1/ipcidr/128'];

/**
 * The repo's config with our settings over it; what we have no opinion about stays, the identity above all.
 *
 * Bitswap's broadcast control is off: with it kubo asks a connected public peer for a block only when that peer has
 * sent blocks before or is in the routing, so an origin that a client names would be dialled and never asked.
 */
export function withSettings(config: KuboConfig, settings: KuboSettings): KuboConfig {
  const listensOn = 'secret' in settings.listen ? '/ip4/127.0.0.1/tcp/0' : `/unix${settings.listen.socketPath}`;
  const open = settings.publicNetwork;
  return merge(config, {
    Addresses: { API: listensOn, Gateway: [`/unix${settings.gatewaySocket}`], Swarm: settings.swarm, AppendAnnounce: settings.announce },
    API: { Authorizations: 'secret' in settings.listen ? authorizations(settings.listen.secret) : null },
    AutoConf: { Enabled: false },
    AutoNAT: open ? {} : { ServiceMode: 'disabled' },
    AutoTLS: { Enabled: false },
    Bootstrap: open ? BOOTSTRAP : [],
    DNS: { Resolvers: null },
    Datastore: { StorageMax: `${settings.capacityBytes}B`, Spec: synced(config) },
    Discovery: { MDNS: { Enabled: false } },
    Gateway: {
      RetrievalTimeout: RETRIEVAL_TIMEOUT,
      PublicGateways: { localhost: null },
      ExposeRoutingAPI: false,
      // A request for a block that is on its way must wait for it.
      NoFetch: false,
      NoDNSLink: true,
      DisableHTMLErrors: true,
    },
    HTTPRetrieval: { Enabled: open },
    Internal: { ShutdownTimeout: SHUTDOWN_TIMEOUT, Bitswap: { BroadcastControl: { Enable: false } } },
    Ipns: { DelegatedPublishers: [] },
    Plugins: { Plugins: { telemetry: { Config: { Mode: 'off' } } } },
    Provide: { Enabled: open, Strategy: 'pinned+unique' },
    Routing: { Type: open ? 'auto' : 'none', DelegatedRouters: open ? [INDEXER] : [] },
    Swarm: {
      AddrFilters: addressFilters(settings),
      DisableNatPortMap: !open,
      EnableHolePunching: open,
      RelayClient: { Enabled: open },
      RelayService: { Enabled: false },
      ResourceMgr: { MaxMemory: `${settings.networkMemoryBytes}B` },
    },
    Version: { SwarmCheckEnabled: false },
  });
}

/** What `listen` turns into in an `Authorization` header. */
export function authorizationOf(listen: RpcListen): string | undefined {
  return 'secret' in listen ? `Bearer ${listen.secret}` : undefined;
}

function authorizations(secret: string) {
  return { fbpd: { AuthSecret: `bearer:${secret}`, AllowedPaths: ['/api/v0'] } };
}

function addressFilters({ allowPrivate, allowLoopback }: KuboSettings): string[] {
  return [...(allowPrivate ? [] : PRIVATE_RANGES), ...(allowPrivate || allowLoopback ? [] : LOOPBACK_RANGES)];
}

/**
 * The datastore with fsync on: kubo's default may hold empty blocks after a power cut. `sync` is not part of the
 * repo's `datastore_spec`, so it may be switched on a repo that exists.
 */
function synced(config: KuboConfig): unknown {
  const spec = isRecord(config.Datastore) ? config.Datastore.Spec : undefined;
  if (!isRecord(spec) || !Array.isArray(spec.mounts)) return spec;
  return {
    ...spec,
    mounts: spec.mounts.map((mount: unknown) => (isRecord(mount) && mount.type === 'flatfs' ? { ...mount, sync: true } : mount)),
  };
}

/** Objects are merged, everything else is replaced. */
function merge(base: KuboConfig, over: KuboConfig): KuboConfig {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRecord(value) && isRecord(below) ? merge(below, value) : value;
  }
  return merged;
}

/** The peer id in a repo's config. */
export function peerIdOf(config: KuboConfig): string | undefined {
  return isRecord(config.Identity) && typeof config.Identity.PeerID === 'string' ? config.Identity.PeerID : undefined;
}

/** The swarm listen addresses in a repo's config. */
export function swarmOf(config: KuboConfig): string[] {
  const swarm = isRecord(config.Addresses) ? config.Addresses.Swarm : undefined;
  return Array.isArray(swarm) ? swarm.filter((one): one is string => typeof one === 'string') : [];
}

/**
 * True when the repo keeps its blocks as kubo's default flatfs does: one file per block, as large as the block, in
 * `blocks/<the two characters before the last>/<BASE32 multihash>.data`.
 */
export function hasDefaultFlatfs(config: KuboConfig): boolean {
  const spec = isRecord(config.Datastore) ? config.Datastore.Spec : undefined;
  if (!isRecord(spec) || !Array.isArray(spec.mounts)) return false;
  const blocks: unknown = spec.mounts.find((mount: unknown) => isRecord(mount) && mount.mountpoint === '/blocks');
  return (
    isRecord(blocks) && blocks.type === 'flatfs' && blocks.path === 'blocks' && blocks.shardFunc === '/repo/flatfs/shard/v1/next-to-last/2'
  );
}
