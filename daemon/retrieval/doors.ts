import type { CID } from 'multiformats/cid';

import { CODECS, rawCidOf } from '../cold/pieces/links.ts';
import { unlessAborted } from '../domain/abort.ts';
import { isBlockOf } from '../domain/block-hash.ts';
import { ColdError } from '../domain/cold-ports.ts';
import type { OpenedDag, SourceOutcome } from '../domain/retrieval-ports.ts';
import { nameOf, type PartSources } from './part-sources.ts';
import type { ColdSource } from './ports.ts';

export interface DoorsOptions {
  parts: readonly PartSources[];
  /** Whether this part is here, or about to be: there is no need to ask for single blocks of it. */
  isComing(index: number): boolean;
  onOutcome(outcome: SourceOutcome): void;
  /** For one block to come. */
  stallMs: number;
  nowMs(): number;
  signal: AbortSignal;
}

/** Single blocks out of the parts of a content, of which nobody knows in which part they lie. */
export interface Doors {
  /**
   * The block, hashed, from the first part that has it; undefined when it lies in none, or may come with all of its part; or the part,
   * as far as it is known, that nobody gives and in which it may lie.
   */
  block(cid: CID): Promise<Uint8Array | { shut: PartSources } | undefined>;
  /** Somebody gives whole parts only: who waits for a block has to wait for those. */
  isWholeOnly(): boolean;
  close(): Promise<void>;
}

/** One part, asked of one provider after the other. */
interface Door {
  part: PartSources;
  next: number;
  opened: Promise<OpenedDag | undefined> | undefined;
}

export function createDoors({ parts, isComing, onOutcome, stallMs, nowMs, signal }: DoorsOptions): Doors {
  const doors = parts.map((part): Door => ({ part, next: 0, opened: undefined }));
  let wholeOnly = false;
  /** Who reads on is likely to stay in the same part, or to come to the next. */
  let last = 0;

  function fail({ part }: Door, source: ColdSource, error: ColdError, beganMs: number): void {
    const { provider, dealId, pieceId } = source;
    const result = error.failure === 'refused' ? 'refused' : 'unreachable';
    const text = `${nameOf(part)}: ${error.message}`;
    onOutcome({ source: { provider, dealId, pieceId }, result, text, bytes: 0, tookMs: nowMs() - beganMs });
  }

  /** The first of the sources left that can be opened and jumped in. */
  async function open(door: Door): Promise<OpenedDag | undefined> {
    for (; door.next < door.part.sources.length; door.next++) {
      const source = door.part.sources[door.next] as ColdSource;
      const beganMs = nowMs();
      try {
        const { firstByteMs } = source;
        const dag = await inTime(source.open(AbortSignal.any([signal, AbortSignal.timeout(firstByteMs)])), firstByteMs, signal, close);
        if (dag.block !== undefined) return dag;
        wholeOnly = true;
        await dag.close();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ColdError)) throw error;
        fail(door, source, error, beganMs);
      }
    }
    return undefined;
  }

  /** What was cut through lies in a part as raw, which not everybody finds under its other name. */
  async function ask(dag: OpenedDag, cid: CID): Promise<Uint8Array | undefined> {
    const asked = dag.block?.(cid, AbortSignal.any([signal, AbortSignal.timeout(stallMs)])) ?? Promise.resolve(undefined);
    const bytes = await inTime(asked, stallMs, signal);
    if (bytes === undefined || isBlockOf(cid, bytes) === true) return bytes;
    throw new ColdError('refused', `the block ${cid} does not hash to its CID`);
  }

  async function blockIn(door: Door, cid: CID): Promise<Uint8Array | undefined> {
    for (;;) {
      door.opened ??= open(door);
      const { opened } = door;
      const dag = await opened;
      const { next } = door;
      if (dag === undefined) return undefined;
      const beganMs = nowMs();
      try {
        return (await ask(dag, cid)) ?? (cid.code === CODECS.raw ? undefined : await ask(dag, rawCidOf(cid.bytes)));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ColdError)) throw error;
        // Of several who wait for this one only the first goes on to the next.
        if (door.opened !== opened) continue;
        fail(door, door.part.sources[next] as ColdSource, error, beganMs);
        door.opened = undefined;
        door.next = next + 1;
        void dag.close();
      }
    }
  }

  return {
    async block(cid) {
      for (let i = 0; i < doors.length; i++) {
        const at = (last + i) % doors.length;
        const door = doors[at];
        if (door === undefined || isComing(at)) continue;
        const bytes = await blockIn(door, cid);
        if (bytes === undefined) continue;
        last = at;
        return bytes;
      }
      const shut = doors.find(({ part, next }) => next >= part.sources.length && !isComing(part.index));
      return shut === undefined || wholeOnly ? undefined : { shut: shut.part };
    },
    isWholeOnly: () => wholeOnly,
    async close() {
      for (const { opened } of doors) void opened?.then((dag) => dag?.close()).catch(() => undefined);
    },
  };
}

/** Whoever is asked may be slow to hear that it is to stop. What it gives too late is handed to `onLate`. */
async function inTime<T>(asked: Promise<T>, ms: number, signal: AbortSignal, onLate: (value: T) => unknown = () => undefined): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new ColdError('unreachable', `nothing came for ${Math.round(ms / 1_000)} s`)), ms);
  let isThere = false;
  try {
    const value = await unlessAborted(Promise.race([asked, late.promise]), signal);
    isThere = true;
    return value;
  } finally {
    clearTimeout(timer);
    if (!isThere) asked.then(onLate, () => undefined);
  }
}

async function close(dag: OpenedDag): Promise<void> {
  await dag.close();
}
