/** Out again. Idempotent. */
export type Leave = () => void;

export interface EnterOptions {
  /** Leaves when it is told to, and enters again later; else it is waited for. */
  canPause: boolean;
  /** Ends the waiting, and rejects with its reason. */
  signal?: AbortSignal;
}

/**
 * What brings unpinned blocks into the hot tier is inside; a garbage collection, which would eat them, wants everybody out.
 * One collection at a time may close it.
 */
export interface IntakeGate {
  /** Waits while it is closed; who can pause waits only when the others are out. */
  enter(options: EnterOptions): Promise<Leave>;
  /**
   * Lets in nobody any more who cannot pause. When the last of those is out, tells the others, and lets nobody in at all: they
   * need not stand still for as long as somebody is only waited for. True when all are out; false when that took longer than
   * `timeoutMs`, or the signal or `open` came before. It stays as it is until `open` in any case.
   */
  close(timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  open(): void;
  /** True from `close` to `open`. */
  closing(): boolean;
  /** Called when those who can pause are to leave. Gives what takes the listener away again. */
  onClosing(listener: () => void): () => void;
  /** How many are inside, and how many of them are waited for. */
  inside(): { all: number; unpausable: number };
}

export function createIntakeGate(): IntakeGate {
  const inside = new Set<EnterOptions>();
  const listeners = new Set<() => void>();
  let opened: PromiseWithResolvers<void> | undefined;
  /** While it is closed: those who cannot pause are out. */
  let isShut = false;
  /** Ends the waiting of who closes it. */
  let settle: ((allOut: boolean) => void) | undefined;

  function letIn(options: EnterOptions): Leave {
    const visit = { ...options };
    inside.add(visit);
    return () => {
      inside.delete(visit);
      goOn();
    };
  }

  function unpausable(): number {
    return [...inside].filter(({ canPause }) => !canPause).length;
  }

  /** What closing has come to, when it is closing. */
  function goOn(): void {
    if (settle === undefined) return;
    if (!isShut && unpausable() === 0) {
      isShut = true;
      for (const listener of listeners) listener();
    }
    if (inside.size === 0) settle?.(true);
  }

  return {
    async enter(options) {
      options.signal?.throwIfAborted();
      // Who is let in by `open` may find it closed again.
      while (opened !== undefined && (isShut || !options.canPause)) await orAborted(opened.promise, options.signal);
      return letIn(options);
    },
    close(timeoutMs, signal) {
      if (opened !== undefined) throw new Error('the gate is closed already');
      opened = Promise.withResolvers();
      return new Promise((resolve) => {
        const giveUp = (): void => settle?.(false);
        const timer = setTimeout(giveUp, timeoutMs);
        signal?.addEventListener('abort', giveUp, { once: true });
        settle = (allOut) => {
          settle = undefined;
          clearTimeout(timer);
          signal?.removeEventListener('abort', giveUp);
          resolve(allOut);
        };
        goOn();
        if (signal?.aborted) giveUp();
      });
    },
    open() {
      settle?.(false);
      opened?.resolve();
      opened = undefined;
      isShut = false;
    },
    closing: () => opened !== undefined,
    onClosing(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    inside: () => ({ all: inside.size, unpausable: unpausable() }),
  };
}

/** Not by a race of the gate's own promise with others, which would gather on it for as long as it is closed. */
function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
