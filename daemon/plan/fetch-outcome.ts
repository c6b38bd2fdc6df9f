import type { Content } from '../domain/content.ts';
import type { Reason } from '../domain/pin.ts';
import type { FetchOutcome, HotFailure } from '../domain/ports.ts';

export interface RetryLimits {
  /** Attempts that stalled or were refused before a content is given up. */
  pinAttempts: number;
  /** From the first wish to giving up, waiting and all attempts included. */
  pinTimeoutMs: number;
}

/** Why a fetch ended without a copy: the tier's own word, or why we ended it ourselves. */
export interface FetchEnd {
  failure: HotFailure | 'rotated' | 'shared' | 'paused' | 'no_room';
  message: string;
}

/** The first pause after an attempt that stalled or was refused; each further one is four times as long, up to the cap. */
const RETRY_BACKOFF_MS = 30_000;
const RETRY_BACKOFF_CAP_MS = 3_600_000;
/** A search that was put back for others comes round again after this. */
const ROTATED_BACKOFF_MS = 60_000;
/** kubo is restarting: look again soon. The dispatcher holds everything back meanwhile anyway. */
const DOWN_BACKOFF_MS = 1_000;

/**
 * It was stopped because room is short, and what it had brought goes as garbage. Not at once again: a content that is
 * larger than the room left would be brought in and thrown away for ever.
 */
const NO_ROOM_BACKOFF_MS = 600_000;

/** What becomes of a content whose fetch ended without a copy: try later, or give it up with a reason people can read. */
export function planFetchOutcome(content: Content, end: FetchEnd, nowMs: number, limits: RetryLimits): FetchOutcome {
  switch (end.failure) {
    case 'too_many_bytes':
    case 'too_many_blocks':
    case 'invalid':
      return failed(end.failure, end.message);
    case 'timeout':
      return failed('timeout', end.message);
    case 'stalled':
    case 'refused':
      return afterAttempt(content, end.failure, end.message, nowMs, limits);
    case 'rotated':
      return isExpired(content, nowMs, limits)
        ? failed('timeout', `no peer was found within limits.pin_timeout: ${end.message}`)
        : later('rotated', `no peer found so far; other pins are tried meanwhile (${end.message})`, nowMs + ROTATED_BACKOFF_MS, true);
    case 'down':
      // Its message is about sockets and processes of ours, which is for the log.
      return later('hot_down', 'waiting for the hot tier, which went away amid the fetch', nowMs + DOWN_BACKOFF_MS, true);
    case 'shared':
      return later('shared', "paused for another account's turn; what was fetched is kept", nowMs, true);
    case 'no_room':
      return later(
        'no_room',
        'its fetch was stopped for lack of room; it is fetched again some minutes later',
        nowMs + NO_ROOM_BACKOFF_MS,
        true,
      );
    case 'paused':
    case 'aborted':
      return later('paused', end.message, nowMs, true);
  }
}

function afterAttempt(content: Content, code: string, message: string, nowMs: number, limits: RetryLimits): FetchOutcome {
  const attempt = content.attempts + 1;
  if (attempt >= limits.pinAttempts) return failed(code, `${message}; given up after ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}`);
  if (isExpired(content, nowMs, limits)) return failed('timeout', `${message}; limits.pin_timeout is over`);
  const pauseMs = Math.min(RETRY_BACKOFF_MS * 4 ** content.attempts, RETRY_BACKOFF_CAP_MS);
  return later(code, `${message}; attempt ${attempt + 1} of ${limits.pinAttempts} follows`, nowMs + pauseMs, false);
}

function isExpired(content: Content, nowMs: number, limits: RetryLimits): boolean {
  return nowMs - content.wantedSinceMs >= limits.pinTimeoutMs;
}

function failed(code: string, text: string): FetchOutcome {
  return { kind: 'failed', reason: { code, text } };
}

function later(code: string, text: string, notBeforeMs: number, free: boolean): FetchOutcome {
  const reason: Reason = { code, text };
  return { kind: 'later', notBeforeMs, reason, free };
}

/** How long a fetch that begins now may take: what is left of `pinTimeoutMs`, at least a second. */
export function fetchTimeoutMs(content: Content, nowMs: number, limits: RetryLimits): number {
  return Math.max(1_000, content.wantedSinceMs + limits.pinTimeoutMs - nowMs);
}
