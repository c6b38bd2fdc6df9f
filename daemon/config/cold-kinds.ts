import { EPOCH_MS, epochsOfMs } from '../domain/epoch.ts';
import { parseAttoFil } from '../domain/fil.ts';
import { parseDurationMs, parseSizeBytes } from '../domain/units.ts';
import { fieldsOf, kindOf, listOf, onText, parseHttpUrl } from './kinds.ts';

/** Durations in epochs: as time on a network with epochs of 30 s, or counted, as a development network may want it. */
export const epochs = kindOf('a duration such as "30d", or a number of epochs such as 900', (raw) => {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 1 ? raw : undefined;
  const ms = typeof raw === 'string' ? parseDurationMs(raw) : undefined;
  return ms === undefined || ms < EPOCH_MS ? undefined : epochsOfMs(ms);
});

/** attoFIL. */
export const fil = kindOf('an amount such as "0.05 FIL" or "2 nanoFIL"', onText(parseAttoFil));

/** Unlike a `fraction` it may be nothing. */
export const part = kindOf('a part such as 0.5, from 0 to 1', (raw) => (typeof raw === 'number' && raw >= 0 && raw <= 1 ? raw : undefined));

/** Padded, as the chain counts pieces. */
export const pieceSize = kindOf(
  'a power of two of at least 256 bytes, such as "32GiB"',
  onText((value) => {
    const bytes = parseSizeBytes(value);
    return bytes !== undefined && bytes >= 256 && Number.isInteger(Math.log2(bytes)) ? bytes : undefined;
  }),
);

/** What is in an address is logged and shown, so nothing secret may be in it; nor is it repeated here. */
export const lotusUrl = kindOf(
  'an http or https URL',
  onText((value) => {
    const url = parseHttpUrl(value);
    const { username, password } = new URL(url ?? 'http://none');
    if (username !== '' || password !== '') throw new Error('has a name or password in it: put a token into lotus.token_file instead');
    return url;
  }),
);

/** `none` stays what it is. */
export const routerUrl = kindOf(
  'an http or https URL, or "none"',
  onText((value) => (value === 'none' ? value : parseHttpUrl(value))),
);

export const address = kindOf(
  'a Filecoin address such as "f1…" or "f3…"',
  onText((value) => (/^[ft](?:0\d+|[123][a-z2-7]{20,}|410f[a-z2-7]+)$/.test(value) ? value : undefined)),
);

export const providerIds = kindOf('a list of providers such as ["f01000"]', (raw) => distinct(listOf(parseProviderId)(raw)));

export const countries = kindOf('a list of two-letter countries such as ["DE", "CH"]', (raw) => distinct(listOf(parseCountry)(raw)));

/** Country by provider. */
export const places = kindOf('a list of providers and their countries such as ["f01000=DE"]', (raw) => {
  const pairs = listOf(parsePlace)(raw)?.map((place) => place.split('=') as [string, string]);
  const ids = pairs?.map(([id]) => id) ?? [];
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`expected each provider once, and ${twice} stands there twice`);
  return pairs && Object.fromEntries(pairs);
});

/** More would be a slip of the finger. */
const COPIES_MAX = 32;

/** Each takes memory of its own, and more than there are cores bring nothing. */
const THREADS_MAX = 256;

const upTo = (max: number) => ({
  kind: `a whole number from 1 to ${max}`,
  parse: (raw: unknown) => (Number.isInteger(raw) && Number(raw) >= 1 && Number(raw) <= max ? Number(raw) : undefined),
});
const copies = upTo(COPIES_MAX);

const { kind: threadsKind, parse: parseThreads } = upTo(THREADS_MAX);
export const threads = kindOf(threadsKind, parseThreads);

/** How many copies: `{ min = 2, target = 3 }`. */
export const replicas = kindOf('a table such as { min = 2, target = 3 }', fieldsOf({ min: copies, target: copies }));

const idle = {
  kind: 'a duration such as "1h"',
  parse: (raw: unknown) => (typeof raw === 'string' ? parseDurationMs(raw) : undefined),
};
const readEvict = fieldsOf({ min_active: copies, after_idle: idle });

/** When a hot copy may go: `{ min_active = 2, after_idle = "1h" }`. */
export const evict = kindOf('a table such as { min_active = 2, after_idle = "1h" }', (raw) => {
  const table = readEvict(raw);
  return table && { minActive: table.min_active, afterIdleMs: table.after_idle };
});

/** Test networks write `t0…` for the same. */
function parseProviderId(value: string): string | undefined {
  const digits = /^[ft]0([1-9]\d{0,17})$/.exec(value)?.[1];
  return digits === undefined ? undefined : `f0${digits}`;
}

function parseCountry(value: string): string | undefined {
  return /^[A-Z]{2}$/.test(value) ? value : undefined;
}

function parsePlace(value: string): string | undefined {
  const [id = '', country = '', ...rest] = value.split('=').map((part) => part.trim());
  const provider = parseProviderId(id);
  return provider === undefined || parseCountry(country) === undefined || rest.length > 0 ? undefined : `${provider}=${country}`;
}

function distinct(items: readonly string[] | undefined): readonly string[] | undefined {
  return items && [...new Set(items)];
}
