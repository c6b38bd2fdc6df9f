import type { BlockSource } from './domain/cold-ports.ts';
import { FbpdError } from './domain/errors.ts';
import type { IntakeGate, Leave } from './domain/intake-gate.ts';
import type { Reason } from './domain/pin.ts';
import { HotError, type PinStore } from './domain/ports.ts';
import type { BlockIntake } from './domain/retrieval-ports.ts';
import { type FileIntake, type Upload, UploadError, type Uploads } from './domain/upload-port.ts';
import type { Log } from './log.ts';
import { createFormCounter } from './uploads/form-bytes.ts';
import { createGiveWay, noRoom } from './uploads/give-way.ts';
import { steady } from './uploads/steady.ts';
import { takeCar } from './uploads/take-car.ts';
import { createUntilHeld } from './uploads/until-held.ts';

export interface UploadLimits {
  dagBytes: number;
  dagBlocks: number;
  concurrentUploads: number;
}

export interface UploadsOptions {
  pins: Pick<PinStore, 'add' | 'contents'>;
  intake: BlockIntake;
  files: FileIntake;
  blocks: BlockSource;
  gate: IntakeGate;
  /** Why no fetch may run at present: what is uploaded then could not be pinned. */
  held(): Reason | undefined;
  /** An upload came to nothing: at most so many bytes of it lie unpinned in the hot tier. */
  onGarbage(bytes: number): void;
  limits: UploadLimits;
  log: Log;
  /** What differs from {@link TIMES}. */
  times?: Partial<typeof TIMES>;
}

export interface ClosableUploads extends Uploads {
  /** Ends those that run, with `UNAVAILABLE`. */
  stop(): Promise<void>;
}

const TIMES = {
  /** A client that sends next to nothing for this long is given up. */
  stallMs: 60_000,
  /** A new upload waits this long for a collection of garbage to end. */
  gateMs: 30_000,
  /** What was uploaded is kept from being deleted until it is pinned, but no longer than this. */
  heldMs: 120_000,
  heldEveryMs: 250,
  /** While garbage is to be deleted, a client that sends nothing at all for this long is given up at once. */
  idleMs: 5_000,
  idleEveryMs: 500,
};

/** A client that sends less than this in `stallMs` counts as one that sends nothing. */
const STALL_BYTES_MIN = 64 * 1024;
/** What a section has beside its block, an index for it, or the name of a file: an upload may be so much longer than its blocks. */
const OVERHEAD_BYTES = 256;
/** Uploaded contents that are still to be pinned; each costs a look now and then. */
const UNHELD_MAX = 2_000;

/** No upload within the limits is longer than this. */
export function uploadBytesMax({ dagBytes, dagBlocks }: Pick<UploadLimits, 'dagBytes' | 'dagBlocks'>): number {
  return dagBytes + OVERHEAD_BYTES * dagBlocks;
}

/** The room of uploads: how many run, that there is room for them, and that nothing of them is deleted before it is pinned. */
export function createUploads(options: UploadsOptions): ClosableUploads {
  const { pins, gate, limits, log } = options;
  const times = { ...TIMES, ...options.times };
  const running = new Map<string, number>();
  const stopping = new AbortController();
  const untilHeld = createUntilHeld({ pins, everyMs: times.heldEveryMs, patienceMs: times.heldMs, signal: stopping.signal });
  const giveWay = createGiveWay({ gate, isShort, idleMs: times.idleMs, everyMs: times.idleEveryMs, signal: stopping.signal });
  const settled = new Set<Promise<unknown>>();

  function isShort(): boolean {
    const code = options.held()?.code;
    return code === 'min_free' || code === 'hot_full';
  }

  function admit(): void {
    const reason = options.held();
    if (reason === undefined || reason.code === 'gc') return;
    if (isShort()) throw noRoom();
    throw new FbpdError('UNAVAILABLE', 'the node that keeps contents is not up, so nothing can be uploaded');
  }

  function assertFits(what: string, bytes: number): void {
    if (bytes > limits.dagBytes)
      throw new UploadError('too_large', `${what} have more than ${limits.dagBytes} bytes, the most one pin may have (limits.dag_bytes)`);
  }

  /** A form, as long as its files fit into one pin. */
  async function* fitting(form: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<Uint8Array> {
    const count = createFormCounter(contentType);
    for await (const piece of form) {
      assertFits('the files', count(piece));
      yield piece;
    }
  }

  function takeSlot(accountId: string): Leave {
    const all = [...running.values()].reduce((sum, count) => sum + count, 0);
    const own = running.get(accountId) ?? 0;
    if (all >= limits.concurrentUploads || untilHeld.count() >= UNHELD_MAX)
      throw new UploadError('busy', `as many uploads run as may (${limits.concurrentUploads})`);
    // One account leaves room for another.
    if (own >= Math.max(1, Math.ceil(limits.concurrentUploads / 2)))
      throw new UploadError('busy', `${own} uploads of this account run already`);
    running.set(accountId, own + 1);
    return once(() => {
      const left = (running.get(accountId) ?? 1) - 1;
      if (left === 0) running.delete(accountId);
      else running.set(accountId, left);
    });
  }

  async function passGate(signal: AbortSignal): Promise<Leave> {
    const patience = AbortSignal.timeout(times.gateMs);
    try {
      return await gate.enter({ canPause: false, signal: AbortSignal.any([signal, patience]) });
    } catch (error) {
      if (!patience.aborted || signal.aborted) throw error;
      throw new FbpdError('UNAVAILABLE', 'unpinned blocks are being deleted at present, and uploads wait until that is over');
    }
  }

  /** Runs one part of an upload, so that `stop` can wait for it, and says in our words what the hot tier could not do. */
  async function doing<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const promise = work().catch((error: unknown) => {
      throw signal.aborted ? signal.reason : ourErrorOf(error);
    });
    const ended = promise.then(nothing, nothing);
    settled.add(ended);
    void ended.then(() => settled.delete(ended));
    return await promise;
  }

  function openUpload(accountId: string, signals: readonly AbortSignal[], giveSlot: Leave, leaveGate: Leave): Upload {
    const own = new AbortController();
    const signal = AbortSignal.any([...signals, own.signal]);
    let leaves: Leave | undefined = leaveGate;
    let cameBytes = 0;
    let isPinned = false;
    let waitingSinceMs: number | undefined;
    const stay = giveWay.join({ waitingSinceMs: () => waitingSinceMs, end: (reason) => own.abort(reason) });
    const read = (source: AsyncIterable<Uint8Array>, onBytes?: (bytes: number) => void): AsyncIterable<Uint8Array> =>
      steady(source, {
        stallMs: times.stallMs,
        bytesMin: STALL_BYTES_MIN,
        bytesMax: uploadBytesMax(limits),
        signal,
        onBytes(bytes) {
          cameBytes = bytes;
          onBytes?.(bytes);
        },
        onWait(sinceMs) {
          waitingSinceMs = sinceMs;
        },
      });
    return {
      takeCar: (source) =>
        doing(signal, () =>
          takeCar(read(source), {
            intake: options.intake,
            blocks: options.blocks,
            dagBytes: limits.dagBytes,
            dagBlocks: limits.dagBlocks,
            signal,
            admit,
          }),
        ),
      takeFiles: (form, contentType, onBytes) =>
        doing(signal, async () => {
          let bytes = 0;
          const came = read(form, (sent) => {
            admit();
            bytes = sent;
            onBytes(sent);
          });
          const { root, dagBytes } = await options.files.add(fitting(came, contentType), contentType, signal);
          assertFits('the files, with what holds their blocks together,', dagBytes);
          return { root, bytes };
        }),
      async pin(request) {
        stay();
        // It would be accepted and not pinned, and its blocks could not be kept for as long as that may last.
        if (isShort()) throw noRoom();
        const pin = await pins.add(accountId, request);
        isPinned = true;
        log.info({ cid: pin.contentKey, requestId: pin.requestId, accountId }, 'uploaded');
        if (leaves !== undefined && pin.status !== 'pinned') {
          untilHeld.add(pin.contentKey, leaves);
          leaves = undefined;
        }
        return pin;
      },
      end: once(() => {
        stay();
        giveSlot();
        leaves?.();
        leaves = undefined;
        if (!isPinned && cameBytes > 0) options.onGarbage(cameBytes);
      }),
    };
  }

  return {
    async begin(accountId, clientSignal, bytes = 0) {
      const signals = [clientSignal, stopping.signal];
      const signal = AbortSignal.any(signals);
      signal.throwIfAborted();
      assertFits('the files', bytes);
      admit();
      const giveSlot = takeSlot(accountId);
      try {
        return openUpload(accountId, signals, giveSlot, await passGate(signal));
      } catch (error) {
        giveSlot();
        throw error;
      }
    },
    async stop() {
      stopping.abort(new FbpdError('UNAVAILABLE', 'the daemon is going down; send the upload again when it is back'));
      await Promise.all(settled);
      await untilHeld.stopped();
    },
  };
}

/** kubo says it in Go's words. */
const NO_SPACE = /no space left|disk quota/i;

function ourErrorOf(error: unknown): unknown {
  if (!(error instanceof HotError)) return error;
  if (NO_SPACE.test(error.message)) return new FbpdError('STORAGE_FULL', 'the disk is full', { cause: error });
  if (error.failure === 'invalid') return new UploadError('unsupported', error.message, { cause: error });
  return new FbpdError('UNAVAILABLE', `the node that keeps contents could not take it: ${error.message}`, { cause: error });
}

function once(work: () => void): Leave {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}

function nothing(): void {}
