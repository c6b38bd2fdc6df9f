import type { CID } from 'multiformats/cid';

import { unlessAborted } from '../../../domain/abort.ts';
import { isBlockOf } from '../../../domain/block-hash.ts';
import { ColdError, PieceError } from '../../../domain/cold-ports.ts';
import type { PieceLayout, SectionPlace } from '../../../domain/piece-layout.ts';
import type { OpenedDag } from '../../../domain/retrieval-ports.ts';
import { encodeHeader } from '../../pieces/car-format.ts';
import { RangeFault, type ReadSpan, type Span } from './ranges.ts';

export interface RangedDagOptions {
  read: ReadSpan;
  layout: PieceLayout;
  root: CID;
  /** Of the server, for messages. */
  host: string;
}

/** The first spans of a content are small, so that its first blocks come soon, and little is read in vain where it is not read to its end. */
const FIRST_SPAN_BYTES = 256 * 1024;
const SPAN_BYTES_MAX = 4 * 1024 * 1024;
/** Spans of one content that are on their way together. */
const SPANS_AHEAD = 2;
/** Blocks that are asked for within this are fetched together. */
const GATHER_MS = 2;
/** So much between two blocks is read along with them. */
const GAP_BYTES_MAX = 64 * 1024;

/**
 * One content out of a piece, by ranges: its CAR is the header, which we know, and its sections as they lie in the piece. Blocks that
 * it shares with contents before it lie there: they are missing in that CAR, and are to be had by themselves.
 *
 * The root's section is read and hashed at once: a server at which that does not come out right is not to be read by ranges, which
 * is a {@link RangeFault}. Undefined when the layout does not know the content.
 */
export async function openRangedDag(
  { read, layout, root, host }: RangedDagOptions,
  signal: AbortSignal,
): Promise<Required<OpenedDag> | undefined> {
  const place = await known(layout.find(root));
  if (place === undefined) return undefined;
  const section = await readAll(read(spanOf(place), signal));
  const rootBlock = section.subarray(place.headBytes);
  if (isBlockOf(root, rootBlock) !== true) throw new RangeFault(host, 'sends other bytes');
  const closing = new AbortController();
  const blocks = createBlocks(read, closing.signal);
  return {
    async *car(until) {
      yield encodeHeader(root);
      yield section;
      yield* inOrder(spansOf(layout.from(place.at + place.bytes)), read, AbortSignal.any([until, closing.signal]));
    },
    async block(cid, until) {
      if (cid.equals(root)) return rootBlock;
      const found = await known(layout.find(cid));
      return found && (await stoppedBy(blocks(found), until));
    },
    async close() {
      closing.abort();
    },
  };
}

/** That our own disk does not tell is not the fault of a server: it is asked again, and then for the whole piece. */
async function known<T>(found: Promise<T>): Promise<T> {
  try {
    return await found;
  } catch (error) {
    throw error instanceof PieceError ? new ColdError('unreachable', error.message, { cause: error }) : error;
  }
}

async function stoppedBy<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await unlessAborted(promise, signal);
  } catch (error) {
    throw signal.aborted ? new ColdError('aborted', 'it was stopped') : error;
  }
}

function spanOf({ at, bytes }: SectionPlace): Span {
  return { from: at, to: at + bytes };
}

async function readAll(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(parts));
}

// ---------------------------------------------------------------------------------------------------------------
// A run of sections

/** Sections lie without gaps: so many of them together that a span is worth a request. */
async function* spansOf(sections: AsyncIterable<SectionPlace>): AsyncGenerator<Span, void, undefined> {
  let span: Span | undefined;
  let enoughBytes = FIRST_SPAN_BYTES;
  for await (const { at, bytes } of sections) {
    span = { from: span?.from ?? at, to: at + bytes };
    if (span.to - span.from < enoughBytes) continue;
    yield span;
    span = undefined;
    enoughBytes = Math.min(2 * enoughBytes, SPAN_BYTES_MAX);
  }
  if (span !== undefined) yield span;
}

async function* inOrder(
  spans: AsyncGenerator<Span, void, undefined>,
  read: ReadSpan,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const running: AsyncGenerator<Uint8Array, void, undefined>[] = [];
  try {
    for (let next = await known(spans.next()); ; ) {
      while (next.done !== true && running.length < SPANS_AHEAD) {
        running.push(begun(read(next.value, until)));
        next = await known(spans.next());
      }
      const first = running.shift();
      if (first === undefined) return;
      yield* first;
    }
  } finally {
    ended.abort();
    await spans.return();
  }
}

/** Is read at once, whether somebody takes it or not: a span is as large as is kept of it. */
function begun(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const parts: Uint8Array[] = [];
  let wake = (): void => undefined;
  let end: { error?: unknown } | undefined;
  const pump = async (): Promise<void> => {
    try {
      for await (const part of source) {
        parts.push(part);
        wake();
      }
      end = {};
    } catch (error) {
      end = { error };
    }
    wake();
  };
  void pump();
  return (async function* () {
    for (;;) {
      const part = parts.shift();
      if (part !== undefined) yield part;
      else if (end === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if ('error' in end) throw end.error;
      else return;
    }
  })();
}

// ---------------------------------------------------------------------------------------------------------------
// Single blocks

interface Wanted {
  place: SectionPlace;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

/** Those that are wanted at the same time and lie near each other come with one request. */
function createBlocks(read: ReadSpan, signal: AbortSignal): (place: SectionPlace) => Promise<Uint8Array> {
  let waiting: Wanted[] = [];

  async function fetchGroup(group: readonly Wanted[]): Promise<void> {
    const span = aroundAll(group);
    try {
      const bytes = await readAll(read(span, signal));
      for (const { place, resolve } of group)
        resolve(bytes.subarray(place.at + place.headBytes - span.from, place.at + place.bytes - span.from));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  function fetchWaiting(): void {
    const wanted = waiting.sort((a, b) => a.place.at - b.place.at);
    waiting = [];
    for (const group of groupsOf(wanted)) void fetchGroup(group);
  }

  return (place) => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    if (waiting.push({ place, resolve, reject }) === 1) setTimeout(fetchWaiting, GATHER_MS);
    return promise;
  };
}

function groupsOf(wanted: readonly Wanted[]): Wanted[][] {
  const groups: Wanted[][] = [];
  for (const one of wanted) {
    const last = groups.at(-1);
    const span = last && aroundAll(last);
    const isNear =
      span !== undefined && one.place.at - span.to <= GAP_BYTES_MAX && one.place.at + one.place.bytes - span.from <= SPAN_BYTES_MAX;
    if (isNear) last?.push(one);
    else groups.push([one]);
  }
  return groups;
}

/** Of places in order; the same may be there twice. */
function aroundAll(group: readonly Wanted[]): Span {
  const first = group[0]?.place;
  const last = group.at(-1)?.place;
  if (first === undefined || last === undefined) throw new RangeError('nothing is wanted');
  return { from: first.at, to: last.at + last.bytes };
}
