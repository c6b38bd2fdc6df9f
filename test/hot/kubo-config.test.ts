import test from 'ava';

import {
  authorizationOf,
  hasDefaultFlatfs,
  type KuboConfig,
  type KuboSettings,
  peerIdOf,
  swarmOf,
  withSettings,
} from '../../daemon/hot/kubo-config.ts';

const FLATFS = {
  type: 'mount',
  mounts: [
    { mountpoint: '/blocks', type: 'flatfs', path: 'blocks', shardFunc: '/repo/flatfs/shard/v1/next-to-last/2', sync: false },
    { mountpoint: '/', type: 'levelds', path: 'datastore' },
  ],
};

const FRESH: KuboConfig = {
  Identity: { PeerID: 'a peer', PrivKey: 'a key' },
  Datastore: { StorageMax: '10GB', Spec: FLATFS },
  Addresses: { Swarm: ['/ip4/0.0.0.0/tcp/4001'], Announce: ['/ip4/1.1.1.1/tcp/1'] },
  Swarm: { ConnMgr: { HighWater: 200 } },
};

const SETTINGS: KuboSettings = {
  listen: { socketPath: '/state/kubo/rpc.sock' },
  gatewaySocket: '/state/kubo/gateway.sock',
  swarm: ['/ip4/0.0.0.0/tcp/4002'],
  announce: [],
  capacityBytes: 1_000,
  networkMemoryBytes: 2_000,
  publicNetwork: true,
  allowPrivate: false,
  allowLoopback: false,
};

/** A value below the config by its path of keys. */
function at(config: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined), config);
}

test('keeps the identity and what it has no opinion about', (t) => {
  const config = withSettings(FRESH, SETTINGS);
  t.deepEqual(at(config, 'Identity'), FRESH.Identity);
  t.deepEqual(at(config, 'Swarm', 'ConnMgr'), { HighWater: 200 });
  t.deepEqual(at(config, 'Addresses', 'Announce'), ['/ip4/1.1.1.1/tcp/1']);
  t.is(peerIdOf(config), 'a peer');
  t.deepEqual(swarmOf(config), ['/ip4/0.0.0.0/tcp/4002']);
});

test('writes the same again over itself', (t) => {
  const once = withSettings(FRESH, SETTINGS);
  t.deepEqual(withSettings(once, SETTINGS), once);
});

test('syncs the blocks and leaves the rest of the datastore as its spec file says', (t) => {
  const spec = at(withSettings(FRESH, SETTINGS), 'Datastore', 'Spec');
  t.deepEqual(spec, { ...FLATFS, mounts: [{ ...FLATFS.mounts[0], sync: true }, FLATFS.mounts[1]] });
  t.true(hasDefaultFlatfs(withSettings(FRESH, SETTINGS)));
  t.false(hasDefaultFlatfs({}));
  t.false(
    hasDefaultFlatfs({
      Datastore: { Spec: { ...FLATFS, mounts: [{ ...FLATFS.mounts[0], shardFunc: '/repo/flatfs/shard/v1/prefix/2' }] } },
    }),
  );
});

test('sends nothing to third parties', (t) => {
  const config = withSettings(FRESH, SETTINGS);
  t.is(at(config, 'Plugins', 'Plugins', 'telemetry', 'Config', 'Mode'), 'off');
  t.is(at(config, 'AutoConf', 'Enabled'), false);
  t.is(at(config, 'AutoTLS', 'Enabled'), false);
  t.is(at(config, 'Version', 'SwarmCheckEnabled'), false);
});

test('is part of the public network, or of none', (t) => {
  const open = withSettings(FRESH, SETTINGS);
  t.is(at(open, 'Routing', 'Type'), 'auto');
  t.true((at(open, 'Bootstrap') as unknown[]).length > 3);
  const closed = withSettings(open, { ...SETTINGS, publicNetwork: false });
  t.is(at(closed, 'Routing', 'Type'), 'none');
  t.deepEqual(at(closed, 'Bootstrap'), []);
  t.deepEqual(at(closed, 'Routing', 'DelegatedRouters'), []);
  t.is(at(closed, 'Provide', 'Enabled'), false);
});

test('neither dials nor lets in private networks, unless that is allowed', (t) => {
  const filters = (over: Partial<KuboSettings>) => at(withSettings(FRESH, { ...SETTINGS, ...over }), 'Swarm', 'AddrFilters') as string[];
  t.true(filters({}).includes('/ip4/192.168.0.0/ipcidr/16'));
  t.true(filters({}).includes('/ip4/127.0.0.0/ipcidr/8'));
  t.false(filters({ allowLoopback: true }).includes('/ip4/127.0.0.0/ipcidr/8'));
  t.true(filters({ allowLoopback: true }).includes('/ip4/10.0.0.0/ipcidr/8'));
  t.deepEqual(filters({ allowPrivate: true }), []);
});

test('the gateway is a socket that has no port, and waits for blocks that are on their way', (t) => {
  const config = withSettings(FRESH, SETTINGS);
  t.deepEqual(at(config, 'Addresses', 'Gateway'), ['/unix/state/kubo/gateway.sock']);
  t.is(at(config, 'Gateway', 'NoFetch'), false);
  t.is(at(config, 'Gateway', 'ExposeRoutingAPI'), false);
});

test('the RPC is a socket, or a loopback port with a secret', (t) => {
  const socket = withSettings(FRESH, SETTINGS);
  t.is(at(socket, 'Addresses', 'API'), '/unix/state/kubo/rpc.sock');
  t.is(authorizationOf(SETTINGS.listen), undefined);
  const port = withSettings(socket, { ...SETTINGS, listen: { secret: 's3cret' } });
  t.is(at(port, 'Addresses', 'API'), '/ip4/127.0.0.1/tcp/0');
  t.deepEqual(at(port, 'API', 'Authorizations'), { fbpd: { AuthSecret: 'bearer:s3cret', AllowedPaths: ['/api/v0'] } });
  t.is(authorizationOf({ secret: 's3cret' }), 'Bearer s3cret');
  t.is(at(withSettings(port, SETTINGS), 'API', 'Authorizations'), null);
});
