import type { Deal } from './deal.ts';
import type { BuiltPiece } from './piece.ts';
import type { SourceOutcome, SourceResult } from './retrieval-ports.ts';

/** Fetches contents from single deals into files that go again. */
export interface Scratch {
  /**
   * Asks one deal for all of a content, or the part that it is about, free of charge: every block is hashed, and followed to the last link. Rejects with
   * `STORAGE_FULL` or `BAD_ENVIRONMENT` when it cannot be written, which says nothing of the provider.
   */
  fetch(
    from: { deal: Deal; piece: BuiltPiece & { id: string } },
    content: { contentKey: string; sizeBytes: number; isPart?: true },
    signal: AbortSignal,
  ): Promise<SourceOutcome>;
  /** Removes what a process that died has left. */
  clear(): Promise<void>;
}

/** One content, asked for from one deal. */
export interface DrilledCopy {
  contentKey: string;
  provider: string;
  dealId: string;
  /** `skipped`: it was not asked for, which says nothing of the provider. */
  end: 'ok' | 'failed' | 'skipped';
  code:
    | Exclude<SourceResult, 'superseded'>
    /** It asks money for it. */
    | 'paid'
    /** The deal has ended since the drill was planned. */
    | 'ended'
    /** This provider has just let us wait in vain. */
    | 'silent'
    /** There is no room for it here. */
    | 'no_room';
  text: string;
  bytes: number;
  firstByteMs?: number;
  tookMs: number;
}

export interface DrillReport {
  startedMs: number;
  endedMs: number;
  /** Copies that were to be asked for; fewer were when it was stopped. */
  planned: number;
  copies: readonly DrilledCopy[];
  /** Contents that were asked for by name, of which no provider has an active copy. */
  without: readonly string[];
}

export interface DrillAsk {
  /** These, from all who have them, however large; else contents are drawn. */
  contentKeys?: readonly string[];
  /** So many are drawn at most. */
  count?: number;
}

/** Restores contents from cold copies alone, to see that it can be done and how long it takes. */
export interface Drills {
  /**
   * Rejects with `CONFLICT` while another one is under way, and with `UNAVAILABLE` when chain or node cannot be asked; nothing was begun
   * then. Stopped by the signal, it resolves with what there is.
   */
  run(
    ask: DrillAsk,
    hear: { onPlanned?(copies: number): void; onCopy?(copy: DrilledCopy): void },
    signal: AbortSignal,
  ): Promise<DrillReport>;
  /** The newest that asked for anything. */
  last(): Promise<DrillReport | undefined>;
}

/** What a drill says of one provider. */
export interface ProviderDrill {
  provider: string;
  ok: number;
  failed: number;
  skipped: number;
  bytes: number;
  /** In the middle, of those that came. */
  firstByteMs?: number;
  /** In the middle, and of the slowest twentieth. */
  p50Ms?: number;
  p95Ms?: number;
  bytesPerSecond?: number;
  /** Each reason once, failures before the others. */
  why: readonly string[];
}

/** By provider, those first that failed most. */
export function drillByProvider(copies: readonly DrilledCopy[]): ProviderDrill[] {
  const byProvider = Map.groupBy(copies, ({ provider }) => provider);
  const rows = [...byProvider].map(([provider, own]) => rowOf(provider, own));
  return rows.sort((a, b) => b.failed - a.failed || (a.provider < b.provider ? -1 : 1));
}

function rowOf(provider: string, copies: readonly DrilledCopy[]): ProviderDrill {
  const ended = (end: DrilledCopy['end']) => copies.filter((copy) => copy.end === end);
  const [ok, failed, skipped] = [ended('ok'), ended('failed'), ended('skipped')];
  const times = ok.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const firsts = ok.flatMap(({ firstByteMs }) => firstByteMs ?? []).sort((a, b) => a - b);
  const bytes = ok.reduce((sum, copy) => sum + copy.bytes, 0);
  const allMs = times.reduce((sum, ms) => sum + ms, 0);
  return {
    provider,
    ok: ok.length,
    failed: failed.length,
    skipped: skipped.length,
    bytes,
    ...quantile('firstByteMs', firsts, 0.5),
    ...quantile('p50Ms', times, 0.5),
    ...quantile('p95Ms', times, 0.95),
    ...(allMs > 0 ? { bytesPerSecond: Math.round((bytes * 1_000) / allMs) } : {}),
    why: [...new Set([...failed, ...skipped].map(({ text }) => text))],
  };
}

function quantile<K extends string>(name: K, sorted: readonly number[], part: number): { [P in K]?: number } {
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  return value === undefined ? {} : ({ [name]: value } as { [P in K]: number });
}
