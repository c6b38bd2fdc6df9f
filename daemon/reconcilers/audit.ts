import type { HotTier, PinStore } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { KeySet } from '../plan/key-set.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface AuditOptions {
  store: PinStore;
  hot: HotTier;
  /** Whether a content can be had from a provider: then its pins stay `pinned` when the hot copy has vanished. */
  isProvenCold(contentKey: string): Promise<boolean>;
  /** Brings it back; not waited for. */
  warm(contentKey: string): void;
  log: Log;
}

const CALL_TIMEOUT_MS = 60_000;

/**
 * Compares what the store believes with what the hot tier holds. A held content that the tier has lost is queued
 * again; a pin that carries our name and that no record wants is removed, if the tier is ours alone.
 */
export class AuditReconciler implements Reconciler {
  readonly name = 'audit';
  readonly #options: AuditOptions;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const { hot } = this.#options;
    if (!hot.status().up) return { due: 0, done: 0, failed: 0, skipped: { hot_down: 1 } };
    const present = new KeySet();
    let strays = 0;
    for await (const { contentKey, named } of hot.pins(signal)) {
      present.add(contentKey);
      if (named && hot.exclusive && (await this.#removeStray(contentKey, signal))) strays += 1;
    }
    present.seal();
    const vanished = await this.#requeueVanished(present, signal);
    return { due: strays + vanished, done: strays + vanished, failed: 0, skipped: {} };
  }

  async #removeStray(contentKey: string, signal: AbortSignal): Promise<boolean> {
    const { store, hot, log } = this.#options;
    const content = await store.content(contentKey);
    // A cold content has no hot pin, unless one is being made or removed just now.
    if (content !== undefined && !(content.hot === 'cold' && content.owner === 'none')) return false;
    await hot.unpin(contentKey, AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]));
    log.warn({ cid: contentKey }, 'a hot pin that no request wants was removed');
    return true;
  }

  /** The listing is older than the store's answer, so each suspect is asked for by itself before it counts as lost. */
  async #requeueVanished(present: KeySet, signal: AbortSignal): Promise<number> {
    const { store, hot } = this.#options;
    let vanished = 0;
    for await (const content of store.held()) {
      if (signal.aborted) break;
      if (present.has(content.key)) continue;
      if (await hot.isPinned(content.key, AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]))) continue;
      if (await this.#queueAgain(content.key)) vanished += 1;
    }
    return vanished;
  }

  async #queueAgain(contentKey: string): Promise<boolean> {
    const { store, isProvenCold, warm, log } = this.#options;
    if (await isProvenCold(contentKey)) {
      if (!(await store.vanishedToCold(contentKey))) return false;
      log.error({ cid: contentKey }, 'the hot tier has lost a content that it held; it is fetched back from a provider');
      warm(contentKey);
      return true;
    }
    if (!(await store.vanished(contentKey))) return false;
    log.error({ cid: contentKey }, 'the hot tier has lost a content that it held; it is fetched again');
    return true;
  }
}
