import test, { type ExecutionContext } from 'ava';

import { coldFindings, examineColdConfig } from '../../daemon/cli/doctor-cold.ts';
import { examinePublicUrl } from '../../daemon/cli/doctor-public-url.ts';
import { type Config, parseConfig } from '../../daemon/config.ts';
import type { Finding } from '../../daemon/domain/finding.ts';
import { examineCold, examineLocationFile } from '../../daemon/main/examine-cold.ts';
import type { components } from '../../spec/fbpd.ts';
import type { Devnet, DevnetOptions } from '../devnet/devnet.ts';
import { devnetFor } from '../fixtures/create-devnet.ts';

type ColdStatus = components['schemas']['ColdStatus'];

/** A config that makes deals, with other sections added or put in place of these. */
function configOf(sections: Readonly<Record<string, string>> = {}): Config {
  const all = {
    lotus: 'rpc = "http://127.0.0.1:1/rpc/v1"',
    cold: 'maker = "lotus-client"',
    providers: 'trusted = ["f01000", "f01001", "f01002"]',
    'policies.default.cold': 'max_price = "1 nanoFIL"',
    limits: 'piece_max = "8GiB"',
    ...sections,
  };
  const text = Object.entries(all).map(([name, keys]) => `[${name}]\n${keys}\n`);
  return parseConfig(text.join(''), { file: '/etc/fbpd/fbpd.toml', variables: { HOME: '/home/u' }, secrets: false });
}

/** The same with a development network as its Lotus, and one of its tokens. */
async function devnetConfig(t: ExecutionContext, options: DevnetOptions = {}): Promise<{ devnet: Devnet; config: Config }> {
  const devnet = await devnetFor(t, options);
  const trusted = devnet.providers.map(({ id }) => JSON.stringify(id)).join(', ');
  const config = configOf({ lotus: `rpc = "${devnet.rpcUrl}"`, providers: `trusted = [${trusted}]` });
  return { devnet, config: withToken(config, devnet.tokens.admin) };
}

function withToken(config: Config, token: string | undefined): Config {
  return { ...config, lotus: { ...config.lotus, token } };
}

function shown(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ about, state, text }) => [about, `${state}: ${text}`]));
}

test('where no deals are made, that is all there is to say', async (t) => {
  const config = configOf({ cold: 'maker = "none"' });
  t.deepEqual(shown(examineColdConfig(config)), { 'cold.maker': 'ok: "none": no storage deals are made, pins are kept hot only' });
  t.deepEqual(await examineCold(config), []);
  t.deepEqual(coldFindings({ maker: 'none' }), []);
});

test('a config that fits the real network and its own caps gets no warning', (t) => {
  t.deepEqual(examineColdConfig(configOf()), []);
});

test('a hot copy that waits for more cold ones than are made is warned of', (t) => {
  const withActive = (minActive: number) =>
    shown(examineColdConfig(configOf({ 'policies.default.hot': `evict = { min_active = ${minActive}, after_idle = "1h" }` })));
  t.deepEqual(withActive(3), {});
  t.regex(
    withActive(5)['policies.default.hot.evict'] ?? '',
    /^warn: min_active is 5, .* no more than 3 copies: no hot copy is ever let go/,
  );
});

test('what works but not as meant is warned of, with what to do', (t) => {
  const config = configOf({
    providers: 'trusted = ["f01000", "f01001"]',
    'policies.default.cold': 'duration = 10000\nrenew_before = 2000\nmax_price = "1 microFIL"',
    chain: 'start_lead = 100',
  });
  const found = shown(examineColdConfig(config));
  t.regex(found['policies.default.cold.duration'] ?? '', /^warn: 10000 epochs are under 180 days: right on a development network only/);
  t.regex(
    found['policies.default.cold.replicas'] ?? '',
    /^warn: 3 copies are wanted, but only 2 .*: it stays at 2; name more, or lower target/,
  );
  t.is(found['budget.per_deal'], undefined);
  const dear = shown(examineColdConfig(configOf({ 'policies.default.cold': 'max_price = "1 microFIL"' })));
  t.regex(
    dear['budget.per_deal'] ?? '',
    /^warn: a piece of 8 GiB at max_price of policy default costs 12\.3264 FIL, more than budget\.per_deal \(0\.25 FIL\)/,
  );
});

test('the time before a deal starts counts, too, when it would end too late for Filecoin', (t) => {
  const lasting = (duration: string) =>
    shown(
      examineColdConfig(
        configOf({ 'policies.default.cold': `duration = "${duration}"`, chain: 'start_lead = "5d"', budget: 'per_deal = "1 FIL"' }),
      ),
    );
  t.is(lasting('1273d')['policies.default.cold.duration'], undefined);
  t.regex(
    lasting('1274d')['policies.default.cold.duration'] ?? '',
    /^warn: with chain.start_lead deals end 3683520 epochs from now, over 1278 days/,
  );
});

test('a node with a token, a wallet and providers apart is all well', async (t) => {
  const { config, devnet } = await devnetConfig(t);
  const found = shown(await examineCold(config));
  // On a machine that is busy it may be right to say how long it took.
  t.regex(found['lotus.rpc'] ?? '', new RegExp(`^(ok|warn): ${devnet.rpcUrl} is on localnet at epoch \\d+(, but took \\d+ ms .*)?$`));
  t.is(found['maker lotus-client'], `ok: pays from ${devnet.wallet}: 1000 FIL in the wallet, 0 FIL in escrow`);
  t.regex(found['providers.trusted'] ?? '', /^ok: 3 found, 3 of which share no owner/);
});

test('a development network that npm start brings along is not looked for', async (t) => {
  const found = shown(await examineCold(configOf({ lotus: 'rpc = "http://127.0.0.1:0/rpc/v1"' })));
  t.regex(found['lotus.rpc'] ?? '', /^ok: .* comes and goes with `npm start`$/);
});

test('a Lotus that is down is one finding', async (t) => {
  const found = await examineCold(withToken(configOf(), 'x'));
  t.is(found.length, 1);
  t.regex(
    shown(found)['lotus.rpc'] ?? '',
    /^fail: http:\/\/127\.0\.0\.1:1\/rpc\/v1 gives no view of the chain \(.+\); see that Lotus runs/,
  );
});

for (const fault of ['garbage', 'http-500', 'cut-json', 'reset', 'huge-body'] as const) {
  test(`a Lotus whose replies are ${fault} is one finding`, async (t) => {
    const { config, devnet } = await devnetConfig(t);
    devnet.faults.rpc('*', fault);
    const found = await examineCold(config);
    t.is(found.length, 1);
    t.is(found[0]?.state, 'fail');
    t.false(found[0]?.text.includes('\n'));
    t.true((found[0]?.text.length ?? 0) < 500, found[0]?.text);
  });
}

test('a token that is wrong, too weak, or missing is told from a node that is down', async (t) => {
  const { config, devnet } = await devnetConfig(t);
  const wrong = shown(await examineCold(withToken(config, `${devnet.tokens.admin}x`)));
  t.regex(Object.values(wrong).join(' '), /fail: .*token/i);
  const weak = shown(await examineCold(withToken(config, devnet.tokens.sign)));
  t.regex(weak['maker lotus-client'] ?? '', /^fail: .*permission admin; there is a token for read, write, sign/);
  const none = shown(await examineCold(withToken(config, undefined)));
  t.regex(none['maker lotus-client'] ?? '', /^fail: .*there is no token/);
});

/** The same with mk12, and providers of a network of one's own. */
async function mk12Config(t: ExecutionContext, options: DevnetOptions = {}): Promise<{ devnet: Devnet; config: Config }> {
  const { devnet } = await devnetConfig(t, options);
  const trusted = devnet.providers.map(({ id }) => JSON.stringify(id)).join(', ');
  const sections = {
    lotus: `rpc = "${devnet.rpcUrl}"`,
    api: 'public_url = "https://pins.example.org"',
    cold: 'maker = "mk12"',
    providers: `trusted = [${trusted}]`,
  };
  return { devnet, config: configOf(sections) };
}

test('mk12 is content with a token to sign, and one that may do more is pointed out', async (t) => {
  const { devnet, config } = await mk12Config(t);
  const found = shown(await examineCold(withToken(config, devnet.tokens.sign)));
  t.regex(found['maker mk12'] ?? '', /^ok: pays from f1/);
  t.is(found['lotus.token_file'], undefined);
  const more = shown(await examineCold(withToken(config, devnet.tokens.admin)));
  t.regex(more['lotus.token_file'] ?? '', /^warn: the Lotus token may do everything \(admin\), where sign would do/);
  const less = shown(await examineCold(withToken(config, devnet.tokens.write)));
  t.regex(less['maker mk12'] ?? '', /^fail: making deals needs a Lotus token with the permission sign; there is a token for read, write/);
});

test('with mk12 a wallet that cannot fill the escrow again is warned of', async (t) => {
  const { devnet, config } = await mk12Config(t, { walletAtto: 5n * 10n ** 17n });
  const low = shown(await examineCold(withToken(config, devnet.tokens.sign)));
  t.regex(low.wallet ?? '', /^warn: the wallet f1.* has 0\.5 FIL, less than escrow\.wallet_low \(1 FIL\): send FIL to it/);
  devnet.fund(devnet.wallet, 10n ** 18n);
  t.is(shown(await examineCold(withToken(config, devnet.tokens.sign))).wallet, undefined);
});

test('a key of our own needs no token', async (t) => {
  const { devnet, config } = await mk12Config(t);
  const { secret, address } = devnet.world.wallet.key(devnet.wallet);
  const key = JSON.stringify({ Type: 'secp256k1', PrivateKey: Buffer.from(secret).toString('base64') });
  const lotus = { ...config.lotus, token: undefined, walletKey: Buffer.from(key).toString('hex') };
  const found = shown(await examineCold({ ...config, lotus }));
  t.true(found['maker mk12']?.startsWith(`ok: pays from ${address}`), found['maker mk12']);
  const wallet = `f1${'a'.repeat(39)}`;
  const error = await t.throwsAsync(examineCold({ ...config, lotus: { ...lotus, wallet } }));
  t.regex(error?.message ?? '', /^lotus\.wallet_key_file: .* holds the key of f1.*, and lotus\.wallet is f1aaa/);
});

test('a public_url that providers cannot reach is found, and one in the clear is warned of', (t) => {
  const of = (url: string, providers = 'trusted = ["f01000", "f01001", "f01002"]') =>
    shown(examinePublicUrl(configOf({ cold: 'maker = "mk12"', api: `public_url = "${url}"`, providers })))['api.public_url'];
  t.is(of('https://pins.example.org'), undefined);
  t.regex(of('http://pins.example.org') ?? '', /^warn: .* plain HTTP/);
  for (const host of ['127.0.0.1', '10.0.0.7', '100.64.0.1', '[::1]', '[fd00::1]', 'localhost', 'pins.local'])
    t.regex(of(`https://${host}:5080`) ?? '', /^fail: .* is no address that storage providers can reach/, host);
  t.is(of('http://127.0.0.1:5080', 'trusted = ["f01000", "f01001", "f01002"]\nprivate_addresses = true'), undefined);
});

test('a country database that is none is warned of', async (t) => {
  const of = async (providers: string) => shown(await examineLocationFile(configOf({ providers })))['providers.location_file'];
  t.is(await of('trusted = ["f01000", "f01001", "f01002"]'), undefined);
  t.regex((await of('location_file = "/nope.mmdb"')) ?? '', /^warn: \/nope\.mmdb cannot be read as a country database: ENOENT/);
});

test('an empty wallet is named', async (t) => {
  const { config, devnet } = await devnetConfig(t, { walletAtto: 0n });
  t.regex(shown(await examineCold(config))['maker lotus-client'] ?? '', new RegExp(`^fail: wallet ${devnet.wallet} is empty`));
});

test('a provider that the chain does not know is named, and those that are left may be too few', async (t) => {
  const { config, devnet } = await devnetConfig(t);
  const [first = ''] = devnet.providers.map(({ id }) => id);
  const found = shown(await examineCold({ ...config, providers: { ...config.providers, trusted: [first, 'f09999'] } }));
  t.regex(found.f09999 ?? '', /^warn: cannot be read from the chain \(.+\): no deals are made with it$/);
  t.regex(found['providers.trusted'] ?? '', /^fail: 1 found, .*: at least 2 are wanted; name others$/);
});

const RUNNING: ColdStatus = {
  maker: 'lotus-client',
  chain: { network: 'localnet', headEpoch: 7, finalizedEpoch: 1, at: '2026-01-01T00:00:00.000Z' },
};

test('a running daemon says once what holds it, and what to do', (t) => {
  t.deepEqual(shown(coldFindings(RUNNING)), {
    'cold layer': 'ok: deals are made as they are needed',
    'lotus.rpc': 'ok: localnet at epoch 7, seen 2026-01-01 00:00Z',
  });
  for (const [code, state, advice] of [
    ['lotus_down', 'fail', /see that it runs and that lotus\.rpc is right/],
    ['lotus_token', 'fail', /lotus auth create-token --perm admin/],
    ['lotus_behind', 'warn', /goes on by itself/],
    ['other_network', 'fail', /point lotus\.rpc back/],
    ['wallet_empty', 'fail', /send FIL to the wallet/],
    ['funds_short', 'fail', /send FIL to the wallet, or wait/],
  ] as const) {
    const [first] = coldFindings({ ...RUNNING, held: { code, text: 'waiting: because' } });
    t.is(first?.state, state, code);
    t.regex(first?.text ?? '', advice);
    t.regex(first?.text ?? '', /^waiting: because: /);
  }
});

test('a breaker is a failure with the way out, whoever tripped it', (t) => {
  const breaker = { by: 'fbpd', code: 'store_older', text: 'the store is older than the chain', at: '2026-01-01T00:00:00.000Z' } as const;
  const [first] = coldFindings({ ...RUNNING, held: { code: 'frozen', text: 'x' }, breaker, unknownDeals: 2 });
  t.is(first?.state, 'fail');
  t.is(first?.text, 'frozen by fbpd itself since 2026-01-01 00:00Z: the store is older than the chain; `fbpd unfreeze` lets it go on');
  const text = 'look at the chain, then say fbpd unfreeze';
  const [said] = coldFindings({ ...RUNNING, held: { code: 'frozen', text: 'x' }, breaker: { ...breaker, text } });
  t.true(said?.text.endsWith(`: ${text}`), 'the way out is said once');
  t.regex(shown(coldFindings({ ...RUNNING, unknownDeals: 2 })).deals ?? '', /^warn: of 2 it is not known whether they were made/);
});

test('pieces that lack copies are warned of, with what most of them wait for', (t) => {
  const reason = { code: 'over_budget', text: 'over budget: it goes on tomorrow' };
  const of = (pieces: number, belowMin: number, more = false) =>
    shown(coldFindings({ ...RUNNING, short: { pieces, belowMin, more, reason } })).copies;
  t.is(of(1, 0), 'warn: 1 piece with fewer copies than wanted; because over budget: it goes on tomorrow');
  t.is(
    of(9, 2),
    'warn: 9 pieces with fewer copies than wanted, 2 of them fewer than min; most of them because over budget: it goes on tomorrow',
  );
  t.is(
    of(2, 2, true),
    'warn: 2 pieces or more with fewer copies than wanted, and fewer than min; most of them because over budget: it goes on tomorrow',
  );
});
