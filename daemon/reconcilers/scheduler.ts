import { schedule } from 'node-cron';
import { Counter, Histogram, type Registry } from 'prom-client';
import { FbpdError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports.ts';
import type { Log } from '../log.ts';

/** What one pass did. `skipped` counts by reason. */
export interface PassReport {
  due: number;
  done: number;
  failed: number;
  skipped: Readonly<Record<string, number>>;
}

/** Level-triggered and idempotent: a pass looks at what is due now and brings it where it should be. */
export interface Reconciler {
  name: string;
  pass(signal: AbortSignal): Promise<PassReport>;
}

export interface ScheduledReconciler {
  reconciler: Reconciler;
  /** A node-cron expression. */
  cron: string;
  /** False for what would be in the way when the daemon comes up. Default true. */
  atStart?: boolean;
}

export interface SchedulerOptions {
  reconcilers: readonly ScheduledReconciler[];
  clock: Clock;
  log: Log;
  metrics: Registry;
}

interface Entry extends ScheduledReconciler {
  current?: Promise<PassReport>;
  queued?: Promise<PassReport>;
}

/**
 * Runs every reconciler once at start (unless told not to), then on its cron expression, and on demand. A reconciler never overlaps
 * itself: who asks during a pass gets the next one, which all who asked meanwhile share.
 */
export class Scheduler {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #passes: Counter;
  readonly #items: Counter;
  readonly #seconds: Histogram;
  readonly #abort = new AbortController();
  #tasks: { stop(): void | Promise<void> }[] = [];

  constructor(options: SchedulerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    for (const scheduled of options.reconcilers) this.#entries.set(scheduled.reconciler.name, { ...scheduled });
    const registers = [options.metrics];
    this.#passes = new Counter({
      name: 'fbpd_reconcile_passes_total',
      help: 'Passes by reconciler and outcome',
      labelNames: ['reconciler', 'outcome'],
      registers,
    });
    this.#items = new Counter({
      name: 'fbpd_reconcile_items_total',
      help: 'Items by reconciler and result',
      labelNames: ['reconciler', 'result'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'fbpd_reconcile_pass_seconds',
      help: 'Duration of a pass',
      labelNames: ['reconciler'],
      buckets: [0.01, 0.1, 1, 10, 60, 600],
      registers,
    });
  }

  start(): void {
    for (const [name, { cron, atStart }] of this.#entries) {
      // Without a logger it writes to the console, in colours.
      const logger = this.#log.child({ reconciler: name });
      this.#tasks.push(schedule(cron, () => this.#runLogged(name), { logger }));
      if (atStart !== false) this.#runLogged(name);
    }
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** Rejects with `NOT_FOUND` for a name that is none, and with what the pass itself rejects with. */
  run(name: string): Promise<PassReport> {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return Promise.reject(
        new FbpdError('NOT_FOUND', `no reconciler is called ${name}: there are ${this.names().join(', ')}`, { subject: name }),
      );
    }
    if (entry.current === undefined) return this.#begin(entry);
    entry.queued ??= entry.current
      .catch(() => undefined)
      .then(() => {
        delete entry.queued;
        return this.#begin(entry);
      });
    return entry.queued;
  }

  /** Ends running passes by their signal and waits for them. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#tasks.map((task) => task.stop()));
    await Promise.allSettled([...this.#entries.values()].flatMap((entry) => [entry.current, entry.queued]));
  }

  #begin(entry: Entry): Promise<PassReport> {
    if (this.#abort.signal.aborted) return Promise.reject(new FbpdError('UNAVAILABLE', 'the daemon is going down'));
    entry.current = this.#pass(entry.reconciler).finally(() => {
      delete entry.current;
    });
    return entry.current;
  }

  async #pass(reconciler: Reconciler): Promise<PassReport> {
    const { name } = reconciler;
    const beganMs = this.#clock.nowMs();
    let outcome = 'failed';
    try {
      const report = await reconciler.pass(this.#abort.signal);
      outcome = 'done';
      this.#items.inc({ reconciler: name, result: 'done' }, report.done);
      this.#items.inc({ reconciler: name, result: 'failed' }, report.failed);
      for (const [reason, count] of Object.entries(report.skipped))
        this.#items.inc({ reconciler: name, result: `skipped: ${reason}` }, count);
      const quiet = report.due === 0 && report.failed === 0;
      this.#log[quiet ? 'debug' : 'info']({ reconciler: name, ...report, tookMs: this.#clock.nowMs() - beganMs }, 'reconciled');
      return report;
    } finally {
      this.#passes.inc({ reconciler: name, outcome });
      this.#seconds.observe({ reconciler: name }, (this.#clock.nowMs() - beganMs) / 1_000);
    }
  }

  #runLogged(name: string): void {
    this.run(name).catch((error: unknown) => {
      if (!this.#abort.signal.aborted)
        this.#log.error({ reconciler: name, err: error }, 'a reconcile pass failed; the next one starts afresh');
    });
  }
}
