import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { renderConfigFile } from '../../daemon/config/render.ts';
import { parseConfig } from '../../daemon/config.ts';
import type { FbpdError } from '../../daemon/domain/errors.ts';

function parse(text: string, { secrets = false, variables = {} }: { secrets?: boolean; variables?: NodeJS.ProcessEnv } = {}) {
  return parseConfig(text, { file: '/etc/fbpd/fbpd.toml', variables: { HOME: '/home/u', ...variables }, secrets });
}

/** A config with which deals are made, and more in it: `sections` are added to those of this one. */
function making(sections: Readonly<Record<string, string>> = {}): string {
  const all = {
    lotus: 'rpc = "http://127.0.0.1:1234/rpc/v1"',
    cold: 'maker = "lotus-client"',
    providers: 'trusted = ["f01000", "f01001", "f01002"]',
    ...sections,
  };
  return Object.entries(all)
    .map(([name, keys]) => `[${name}]\n${keys}\n`)
    .join('');
}

test('nothing cold happens without a Lotus node, and what it would go by is there all the same', (t) => {
  const config = parse('');
  t.is(config.cold.maker, 'none');
  t.is(config.cold.staging, '/var/lib/fbpd/staging');
  t.true(config.cold.threads >= 1);
  t.deepEqual(config.chain, { finalityEpochs: 900, confirmLostEpochs: 120, startLeadEpochs: 11_520 });
  t.deepEqual(config.providers, {
    trusted: [],
    places: {},
    locationFile: undefined,
    privateAddresses: false,
    routing: 'https://cid.contact',
  });
  t.deepEqual(config.budget, { perDayAtto: 10n ** 18n, perDealAtto: 25n * 10n ** 16n, retrievalsPerDayAtto: 0n });
  t.is(config.limits.pieceMaxBytes, 32 * 2 ** 30);
  t.deepEqual(config.policies, [
    {
      name: 'default',
      replicas: { min: 2, target: 3 },
      durationEpochs: 535 * 2_880,
      renewBeforeEpochs: 30 * 2_880,
      maxPriceAttoPerGibEpoch: 2_000_000_000n,
      verifiedDeal: false,
      countries: [],
      spread: false,
      excluded: [],
      maxWaitMs: 4 * 3_600_000,
      minFillBytes: 4 * 2 ** 30,
      repackBelow: 0.5,
    },
  ]);
});

test('a Lotus node alone means deals on the market of today, unless another maker is named', (t) => {
  const sections = { cold: '', api: 'public_url = "https://pins.example.org"' };
  t.is(parse(making(sections)).cold.maker, 'mk12');
  t.is(parse(making({ ...sections, cold: 'maker = "none"' })).cold.maker, 'none');
  const refused = t.throws<FbpdError>(() => parse(making({ cold: '' })));
  t.is(refused?.subject, 'cold.maker');
  t.regex(refused?.message ?? '', /is "mk12" without api\.public_url/);
});

test('every key is read in its unit', (t) => {
  const config = parse(`
    [lotus]
    rpc = "http://lotus.example:1234/rpc/v1/"
    wallet = "f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za"
    [cold]
    maker = "lotus-client"
    staging = "../shared"
    threads = 3
    [chain]
    finality = 5
    confirm_lost = "1h"
    start_lead = 20
    [providers]
    trusted = ["f01000", "t01001", "f01000"]
    places = ["t01000=DE", "f01001 = CH"]
    [policies.default.cold]
    replicas.min = 1
    replicas.target = 2
    duration = 300
    renew_before = 60
    max_price = "0.0000001 FIL"
    verified_deal = true
    countries = ["DE", "CH"]
    spread = true
    max_wait = "10s"
    min_fill = "1KiB"
    repack_below = 0.25
    [budget]
    per_day = "3 FIL"
    per_deal = "2 FIL"
    retrievals_per_day = "1 milliFIL"
    [limits]
    piece_max = "8MiB"
    sample_bytes_per_day = "1GiB"
    [schedule]
    create = "* * * * * *"
    verify = "*/2 * * * * *"
    renew = "*/3 * * * * *"
  `);
  t.is(config.lotus.rpc, 'http://lotus.example:1234/rpc/v1');
  t.is(config.lotus.wallet, 'f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za');
  t.is(config.cold.staging, '/etc/shared');
  t.is(config.cold.threads, 3);
  t.deepEqual(config.chain, { finalityEpochs: 5, confirmLostEpochs: 120, startLeadEpochs: 20 });
  t.deepEqual(config.providers, {
    trusted: ['f01000', 'f01001'],
    places: { f01000: 'DE', f01001: 'CH' },
    locationFile: undefined,
    privateAddresses: false,
    routing: 'https://cid.contact',
  });
  t.deepEqual(config.policies[0], {
    name: 'default',
    replicas: { min: 1, target: 2 },
    durationEpochs: 300,
    renewBeforeEpochs: 60,
    maxPriceAttoPerGibEpoch: 10n ** 11n,
    verifiedDeal: true,
    countries: ['DE', 'CH'],
    spread: true,
    excluded: [],
    maxWaitMs: 10_000,
    minFillBytes: 1_024,
    repackBelow: 0.25,
  });
  t.deepEqual(config.budget, { perDayAtto: 3n * 10n ** 18n, perDealAtto: 2n * 10n ** 18n, retrievalsPerDayAtto: 10n ** 15n });
  t.is(config.limits.pieceMaxBytes, 8 * 2 ** 20);
  t.is(config.limits.sampleBytesPerDay, 2 ** 30);
  t.is(config.schedule.verify, '*/2 * * * * *');
});

test('the escrow is seen to by itself unless its level is 0', (t) => {
  t.deepEqual(parse('').escrow, { levelAtto: undefined, maxFeeAtto: 5n * 10n ** 16n, walletLowAtto: undefined });
  t.is(parse('[escrow]\nlevel = "0 FIL"\nmax_fee_per_message = "0 FIL"').escrow.levelAtto, 0n);
  t.is(parse('[escrow]\nlevel = "3 FIL"').escrow.levelAtto, 3n * 10n ** 18n);
});

test('a policy stands by its name, and what it leaves out is as by default', (t) => {
  const { policies } = parse('[policies.archive.cold]\nreplicas = { min = 3, target = 5 }\n[policies.default.cold]\nspread = false');
  t.deepEqual(
    policies.map(({ name, replicas, durationEpochs }) => ({ name, replicas, durationEpochs })),
    [
      { name: 'default', replicas: { min: 2, target: 3 }, durationEpochs: 1_540_800 },
      { name: 'archive', replicas: { min: 3, target: 5 }, durationEpochs: 1_540_800 },
    ],
  );
});

test('what is set of the default policy is set in the file that is written', (t) => {
  const text = renderConfigFile('x', {
    'policies.default.cold.replicas': { min: 1, target: 2 },
    'policies.default.cold.duration': 400,
    'policies.default.cold.renew_before': 100,
    'chain.start_lead': 30,
  });
  t.like(parse(text).policies[0], { replicas: { min: 1, target: 2 }, durationEpochs: 400, renewBeforeEpochs: 100 });
});

test('the token comes from its file or the systemd credential, and a maker does not start without', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'token'), 'from file\n');
  await writeFile(join(dir, 'lotus.token'), 'from credential\n');
  const withFile = making({ lotus: `rpc = "http://127.0.0.1:1234/rpc/v1"\ntoken_file = "${join(dir, 'token')}"` });
  t.is(parse(withFile, { secrets: true }).lotus.token, 'from file');
  t.is(parse(making(), { secrets: true, variables: { CREDENTIALS_DIRECTORY: dir } }).lotus.token, 'from credential');
  t.is(parse(making()).lotus.token, undefined);
  t.is(parse('', { secrets: true }).lotus.token, undefined);
  const refused = t.throws<FbpdError>(() => parse(making(), { secrets: true }));
  t.is(refused?.code, 'BAD_CONFIG');
  t.regex(refused?.message ?? '', /cold\.maker is "lotus-client" without a token: set lotus\.token_file/);
});

test("a key of our own takes the place of a token, and must be nobody else's to read", async (t) => {
  const dir = await tempDir(t);
  const file = join(dir, 'wallet.key');
  await writeFile(file, 'ab12\n', { mode: 0o640 });
  const sections = { cold: 'maker = "mk12"', api: 'public_url = "https://pins.example.org"' };
  const text = making({ ...sections, lotus: `rpc = "https://lotus.example/rpc/v1"\nwallet_key_file = "${file}"` });
  t.like(parse(text, { secrets: true }).lotus, { walletKey: 'ab12', token: undefined });
  t.is(parse(text).lotus.walletKey, undefined);
  const refused = t.throws<FbpdError>(() => parse(making(sections), { secrets: true }));
  t.regex(refused?.message ?? '', /without a token: set lotus\.token_file, .* or sign with a key of your own, lotus\.wallet_key_file/);
  for (const mode of [0o644, 0o602, 0o660]) {
    await chmod(file, mode);
    const open = t.throws<FbpdError>(() => parse(text, { secrets: true }));
    t.is(open?.subject, 'lotus.wallet_key_file');
    t.regex(open?.message ?? '', /other users of this machine can read or change it; .* chmod o=,g-w/);
  }
});

test('who names no provider finds them by scanning; where the store may hold more, too few are not refused', async (t) => {
  t.deepEqual(parse(making({ providers: '' })).providers.trusted, []);
  t.is(parse(making({ [COLD]: 'spread = true' })).policies[0]?.spread, true, 'addresses say where they are');
  t.deepEqual(parse(making({ providers: 'places = ["f01009=DE"]' })).providers.places, { f01009: 'DE' });
  const dir = await tempDir(t);
  const text = making({ providers: 'trusted = ["f01000"]', state: `dir = "${dir}"` });
  t.regex(t.throws<FbpdError>(() => parse(text))?.message ?? '', /name none and let `fbpd providers scan` find some/);
  await mkdir(join(dir, 'kubo'));
  t.deepEqual(parse(text).providers.trusted, ['f01000']);
});

async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-cold-config-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const HOT = 'policies.default.hot';
const COLD = 'policies.default.cold';

const REFUSED: readonly (readonly [what: string, text: string, subject: string, message: RegExp])[] = [
  ['a provider that is none', '[providers]\ntrusted = ["1000"]', 'providers.trusted', /list of providers such as/],
  ['a provider by its key address', '[providers]\ntrusted = ["f3abc"]', 'providers.trusted', /list of providers such as/],
  ['a place without a country', '[providers]\nplaces = ["f01000"]', 'providers.places', /and their countries/],
  ['a provider in two places', '[providers]\nplaces = ["f01000=DE", "t01000=CH"]', 'providers.places', /f01000 stands there twice/],
  ['a country that is none', `[${COLD}]\ncountries = ["Germany"]`, `${COLD}.countries`, /two-letter countries/],
  ['an amount without a unit', '[budget]\nper_day = "1"', 'budget.per_day', /an amount such as "0\.05 FIL"/],
  ['an amount as a number', '[budget]\nper_day = 1', 'budget.per_day', /an amount such as/],
  ['less than an attoFIL', '[budget]\nper_day = "0.5 attoFIL"', 'budget.per_day', /an amount such as/],
  ['a negative amount', '[budget]\nper_day = "-1 FIL"', 'budget.per_day', /an amount such as/],
  ['epochs as text', '[chain]\nfinality = "900"', 'chain.finality', /or a number of epochs such as 900/],
  ['less than an epoch', '[chain]\nfinality = "10s"', 'chain.finality', /or a number of epochs/],
  ['no epoch', '[chain]\nfinality = 0', 'chain.finality', /or a number of epochs/],
  ['half an epoch', '[chain]\nfinality = 1.5', 'chain.finality', /or a number of epochs/],
  ['a piece of an odd size', '[limits]\npiece_max = "30GiB"', 'limits.piece_max', /a power of two/],
  [
    'an RPC with a password in it',
    '[lotus]\nrpc = "http://me:secret@127.0.0.1:1234/rpc/v1"',
    'lotus.rpc',
    /put a token into lotus\.token_file/,
  ],
  ['a wallet that is none', '[lotus]\nwallet = "mine"', 'lotus.wallet', /a Filecoin address/],
  ['a maker that is none', '[cold]\nmaker = "magic"', 'cold.maker', /one of "none", "mk12", "lotus-client"/],
  [
    'mk12 without an address for providers',
    making({ cold: 'maker = "mk12"' }),
    'cold.maker',
    /is "mk12" without api\.public_url: .* they fetch the data from there/,
  ],
  [
    'a key that nothing is signed with',
    making({ lotus: 'rpc = "http://127.0.0.1:1234/rpc/v1"\nwallet_key_file = "key"' }),
    'lotus.wallet_key_file',
    /has no effect with cold\.maker = "lotus-client"/,
  ],
  ['a router that is none', '[providers]\nrouting = "cid.contact"', 'providers.routing', /an http or https URL, or "none"/],
  ['threads without end', '[cold]\nthreads = 10000', 'cold.threads', /a whole number from 1 to 256, got 10000/],
  ['replicas as a number', `[${COLD}]\nreplicas = 3`, `${COLD}.replicas`, /a table such as \{ min = 2, target = 3 \}/],
  ['replicas with a slip', `[${COLD}]\nreplicas = { min = 2, max = 3 }`, `${COLD}.replicas.max`, /unknown key; there are min and target/],
  ['no replica', `[${COLD}]\nreplicas = { min = 0, target = 3 }`, `${COLD}.replicas.min`, /a whole number from 1 to 32, got 0/],
  ['half of replicas', `[${COLD}]\nreplicas = { min = 2 }`, `${COLD}.replicas.target`, /a whole number from 1 to 32, but it is not there/],
  ['no active copy', `[${HOT}]\nevict = { min_active = 0 }`, `${HOT}.evict.min_active`, /a whole number from 1 to 32, got 0/],
  ['evict with a slip', `[${HOT}]\nevict = { foo = 1 }`, `${HOT}.evict.foo`, /unknown key; there are min_active and after_idle/],
  [
    'evict with a number',
    `[${HOT}]\nevict = { min_active = 2, after_idle = 5 }`,
    `${HOT}.evict.after_idle`,
    /a duration such as "1h", got 5/,
  ],
  ['evict as a list', `[${HOT}]\nevict = [2]`, `${HOT}.evict`, /a table such as/],
  [
    'a policy key outside its table',
    '[policies.default]\nduration = "535d"',
    'policies.default.duration',
    /stands in \[policies\.default\.cold\]/,
  ],
  ['an unknown policy key', `[${COLD}]\nrenew_befor = "3d"`, `${COLD}.renew_befor`, /did you mean policies\.default\.cold\.renew_before\?/],
  ['a policy with a strange name', '[policies."A b".cold]\n', 'policies.A b', /made of a-z/],
  ['policies as a key', 'policies = 3', 'policies', /written \[policies\]/],
  ['a policy as a key', '[policies]\ndefault = 3', 'policies.default', /written \[policies\.default\]/],
  ['a mistyped section', '[policy.default.cold]\n', 'policy', /unknown section \[policy\]/],

  ['min above target', `[${COLD}]\nreplicas = { min = 4, target = 3 }`, `${COLD}.replicas`, /min \(4\) above its target \(3\)/],
  ['renewal before the deal', `[${COLD}]\nduration = "20d"`, `${COLD}.renew_before`, /not shorter than duration/],
  ['renewal too late', `[${COLD}]\nrenew_before = "3d"`, `${COLD}.renew_before`, /not longer than chain\.start_lead/],
  ['a piece that never fills', '[limits]\npiece_max = "4GiB"', `${COLD}.min_fill`, /more than fits into limits\.piece_max \(4 GiB\)/],
  [
    'a deal dearer than a day',
    '[budget]\nper_day = "0.1 FIL"',
    'budget.per_deal',
    /\(0\.25 FIL\) is more than budget\.per_day \(0\.1 FIL\)/,
  ],
  [
    'an escrow that the dearest deal does not fit into',
    '[escrow]\nlevel = "0.2 FIL"',
    'escrow.level',
    /\(0\.2 FIL\) is less than budget\.per_deal \(0\.25 FIL\).*: raise it, or lower budget\.per_deal/,
  ],
  [
    'an escrow that Lotus sees to',
    making({ escrow: 'level = "0 FIL"' }),
    'escrow.level',
    /has no effect with cold\.maker = "lotus-client"/,
  ],
  ['a low wallet where nobody looks', making({ escrow: 'wallet_low = "1 FIL"' }), 'escrow.wallet_low', /has no effect with/],
  [
    'messages without gas',
    making({ cold: 'maker = "mk12"', api: 'public_url = "https://pins.example.org"', escrow: 'max_fee_per_message = "0 FIL"' }),
    'escrow.max_fee_per_message',
    /never be topped up: raise it, or set escrow\.level = "0 FIL"/,
  ],
  [
    'a least piece above the largest',
    '[limits]\npiece_min = "64GiB"',
    'limits.piece_min',
    /\(64 GiB\) is more than limits\.piece_max \(32 GiB\): lower it/,
  ],
  [
    'a least piece for a maker that fills none up',
    making({ limits: 'piece_min = "1GiB"' }),
    'limits.piece_min',
    /has no effect with cold\.maker = "lotus-client"/,
  ],
  ['a maker without Lotus', making({ lotus: '' }), 'cold.maker', /without lotus\.rpc/],
  ['fewer providers than min', making({ providers: 'trusted = ["f01000"]' }), `${COLD}.replicas`, /at least 2, .* only 1 can be used/],
  [
    'fewer providers than min, after those excluded',
    making({ [COLD]: 'excluded = ["f01000", "f01002"]' }),
    `${COLD}.replicas`,
    /only 1 can be used, after excluded/,
  ],
  [
    'fewer providers than min, in the countries',
    making({ providers: 'trusted = ["f01000", "f01001"]\nplaces = ["f01000=DE", "f01001=CH"]', [COLD]: 'countries = ["DE"]' }),
    `${COLD}.replicas`,
    /only 1 can be used, in its countries/,
  ],
];

for (const [what, text, subject, message] of REFUSED) {
  test(`${what} is refused by name, in one line`, (t) => {
    const error = t.throws<FbpdError>(() => parse(text));
    t.is(error?.code, 'BAD_CONFIG');
    t.is(error?.subject, subject);
    t.regex(error?.message ?? '', message);
    t.true(error?.message.startsWith(`/etc/fbpd/fbpd.toml: ${subject}`) || /unknown|stands in|made of/.test(error?.message ?? ''));
    t.false(error?.message.includes('\n'));
  });
}
