/** Milliseconds in one of each unit of time that a text may carry. */
const DURATION_UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Bytes in one of each unit of size that a text may carry: powers of 1024 with an `i`, powers of 1000 without. */
const SIZE_UNITS_BYTES = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** `"250ms"`, `"30s"`, `"5m"`, `"24h"`, `"30d"`, `"1.5h"` → whole milliseconds. Undefined when it is none of these. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS_MS);
}

/** `"512B"`, `"64KiB"`, `"31GiB"`, `"1.5TB"` → whole bytes. Undefined when it is none of these. */
export function parseSizeBytes(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS_BYTES);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = units[match?.[2] ?? ''];
  if (match === null || factor === undefined || !Object.hasOwn(units, match[2] ?? '')) return undefined;
  const quantity = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(quantity) ? quantity : undefined;
}

/** For people: `31 GiB`, `1.5 KiB`, `512 B`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 2 ** (10 * power);
  const text = power === 0 || Number.isInteger(amount) || amount >= 100 ? amount.toFixed(0) : amount.toFixed(1);
  return `${text} ${units[power]}`;
}

/** For people, at most two units: `2d 4h`, `5m`, `1m 30s`, `250ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const parts: string[] = [];
  let restMs = Math.round(ms / 1_000) * 1_000;
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const amount = Math.floor(restMs / DURATION_UNITS_MS[unit]);
    restMs -= amount * DURATION_UNITS_MS[unit];
    if (amount > 0) parts.push(`${amount}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
