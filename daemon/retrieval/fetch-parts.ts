import { setTimeout as sleep } from 'node:timers/promises';

import type { CID } from 'multiformats/cid';

import { parseCid } from '../domain/cid.ts';
import { type BlockIntake, RetrievalError, type SourceOutcome } from '../domain/retrieval-ports.ts';
import { createDagTracker, type DagTracker } from './dag-tracker.ts';
import { createDoors } from './doors.ts';
import { hedge } from './hedge.ts';
import { createPartSink } from './part-sink.ts';
import { nameOf, type PartSources } from './part-sources.ts';
import { createSink } from './sink.ts';
import { runSource } from './source-run.ts';
import { serveWants } from './wants.ts';

export interface FetchPartsOptions {
  root: CID;
  /** Of the content: goes on where it stands. */
  content: DagTracker;
  /** All of them, in their order, which is that in which a file is read. */
  parts: readonly PartSources[];
  intake: BlockIntake;
  hedgeMs: number;
  stallMs: number;
  nowMs(): number;
  /** Whether all of the content is wanted now, or only what readers wait for. */
  isWhole(): boolean;
  hasReaders(): boolean;
  onOutcome(outcome: SourceOutcome): void;
  signal: AbortSignal;
}

/** How often it is looked whether all of the content is wanted by now. */
const LOOK_MS = 50;
/** Looks for what readers wait for, some milliseconds each: so many go by before a block is asked for that may be about to come anyway. */
const PATIENT_LOOKS = 40;

/**
 * Brings back a content that was cut: one part after the other, each from whoever has it, where one stopped the next going on;
 * and beside that what readers wait for, from whichever part has it. Resolves when all of it is in the tier. Rejects with a
 * RetrievalError that names the part that nobody gives, and as the tier does.
 */
export async function fetchParts(options: FetchPartsOptions): Promise<void> {
  const { root, content, parts, intake, hedgeMs, stallMs, nowMs, isWhole, hasReaders } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const outcomes: SourceOutcome[] = [];
  const onOutcome = (outcome: SourceOutcome): void => {
    outcomes.push(outcome);
    options.onOutcome(outcome);
  };
  let useful = (): void => undefined;
  const sink = createSink({ intake, tracker: content, root, onUseful: () => useful(), signal });
  /** Parts before this one are here, and it is on its way. */
  let coming = -1;
  const doors = createDoors({ parts, isComing: (index) => index <= coming, onOutcome, stallMs, nowMs, signal });

  async function fill(): Promise<void> {
    for (const part of parts) {
      await untilWanted(part);
      if (content.isComplete()) return;
      coming = part.index;
      await fillPart(part);
    }
    if (!content.isComplete()) throw new RetrievalError('none', 'every part came, and blocks are missing all the same');
  }

  /** A part that nobody has is not worth waiting for the others, but for who reads in those. */
  async function untilWanted(part: PartSources): Promise<void> {
    const lacking = parts.find(({ index, sources }) => index >= part.index && sources.length === 0);
    while (lacking !== undefined || (!isWhole() && !doors.isWholeOnly())) {
      if (lacking !== undefined && !hasReaders()) throw new RetrievalError('none', `no provider has ${nameOf(lacking)}`);
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  async function fillPart({ index, of, rootCid = '', sources }: PartSources): Promise<void> {
    const partRoot = parseCid(rootCid);
    const tracker = createDagTracker(partRoot);
    const partSink = createPartSink({ content, sink, part: tracker, partRoot });
    const before = outcomes.length;
    const wants = { intake, hasReaders };
    const race = hedge({
      sources,
      hedgeMs,
      run: (source, until) => runSource({ source, tracker, sink: partSink, isWhole, wants, stallMs, nowMs, signal: until }),
      onOutcome,
      signal,
    });
    useful = race.useful;
    if (await race.done) return;
    signal.throwIfAborted();
    throw new RetrievalError('none', `no source gives ${nameOf({ index, of })}: ${outcomes.slice(before).map(wordOf).join('; ')}`);
  }

  /** The tier waits for blocks of other contents, too: only of one of this content it can be said that nobody gives it. */
  async function fetchOne(cid: CID): Promise<boolean> {
    const found = await doors.block(cid);
    if (found === undefined) return false;
    if ('shut' in found) {
      if (content.isMissing(cid)) throw new RetrievalError('none', `no source gives ${nameOf(found.shut)}`);
      return false;
    }
    if (content.isMissing(cid)) await sink.take(cid, found);
    else await intake.put(cid, found, signal);
    return true;
  }

  async function serve(): Promise<never> {
    await serveWants({
      intake,
      hasReaders,
      afterLooks: () => (isWhole() ? PATIENT_LOOKS : 0),
      fetch: fetchOne,
      signal,
    });
    throw new RetrievalError('down', 'the retrieval was stopped');
  }

  const ways = [fill(), serve()];
  try {
    await Promise.race(ways);
  } finally {
    ended.abort();
    await Promise.allSettled(ways);
    await doors.close();
  }
}

function wordOf({ source, text }: SourceOutcome): string {
  return source === undefined ? text : `${source.provider}: ${text}`;
}
