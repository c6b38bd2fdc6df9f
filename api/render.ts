import type { Content, FetchProgress } from '../daemon/domain/content.ts';
import type { Pin } from '../daemon/domain/pin.ts';
import type { FetchView, HotStatusReport } from '../daemon/domain/ports.ts';
import type { components } from '../spec/pinning.ts';
import { optional } from './cold-side.ts';
import type { ColdInfo } from './cold-summary.ts';
import { unavailable } from './errors.ts';
import { formatTimestamp } from './timestamps.ts';

export type PinStatusBody = components['schemas']['PinStatus'];

const MAX_DELEGATES = 20;
const KNOWN_SOON_SECONDS = 5;

/**
 * The addresses clients should connect to: the hot tier's, the last known ones while it is down (they will be right again
 * when it is back). Before its peer id was ever known there is nothing true to say, and the specification allows no
 * empty list: then it is a 503 with Retry-After, and nothing is accepted.
 */
export function delegatesOf(status: HotStatusReport): string[] {
  if (status.addresses.length === 0) {
    throw unavailable('the node that fetches has not started yet, so its addresses are not known', KNOWN_SOON_SECONDS);
  }
  return status.addresses.slice(0, MAX_DELEGATES);
}

/** A pin as clients see it. Optional fields are left out, never null; origins are never shown. */
export function renderPin(
  pin: Pin,
  delegates: string[],
  fetches: FetchView,
  content: Content | undefined,
  cold: ColdInfo | undefined,
): PinStatusBody {
  const body: PinStatusBody = {
    requestid: pin.requestId,
    status: pin.status,
    created: formatTimestamp(pin.createdMs),
    pin: { cid: pin.cid },
    delegates,
  };
  if (pin.name !== undefined) body.pin.name = pin.name;
  if (pin.meta !== undefined) body.pin.meta = pin.meta;
  const details = statusDetails(pin, fetches);
  const sizeBytes = pin.status === 'pinned' ? content?.sizeBytes : undefined;
  const info = {
    ...optional('status_details', details),
    ...optional('dag_size', sizeBytes === undefined ? undefined : String(sizeBytes)),
    ...optional('tier', pin.status === 'pinned' ? tierOf(content) : undefined),
    ...(cold === undefined ? {} : coldInfo(pin, cold)),
  };
  if (Object.keys(info).length > 0) body.info = info;
  return body;
}

/** The cold copies: how many of how many, what happens next or why nothing does, and when the first of them ends. */
function coldInfo(pin: Pin, cold: ColdInfo): Record<string, string> {
  const { replicas, next, soonestEndEpoch } = cold.summaryOf(pin.contentKey, pin.status === 'pinned');
  if (pin.status === 'failed' && replicas.active + replicas.pending === 0) return {};
  return {
    replicas_active: String(replicas.active),
    replicas_pending: String(replicas.pending),
    replicas_target: String(replicas.target),
    next_step: next.text,
    ...optional('evidence', replicas.active === 0 ? undefined : cold.stale),
    ...(soonestEndEpoch === undefined
      ? {}
      : { soonest_expiry_epoch: String(soonestEndEpoch), ...optional('soonest_expiry', cold.time(soonestEndEpoch)) }),
  };
}

/** Where it is: cold contents are fetched back when they are read. */
export function tierOf(content: Pick<Content, 'hot'> | undefined): 'hot' | 'cold' | undefined {
  if (content === undefined) return undefined;
  return content.hot === 'cold' ? 'cold' : 'hot';
}

/** Why it waits, how far it is, or why it failed; undefined when there is nothing to add to the status. */
function statusDetails(pin: Pin, fetches: FetchView): string | undefined {
  switch (pin.status) {
    case 'queued': {
      const reasons = [pin.reason?.text, fetches.held()?.text].filter((text) => text !== undefined && text !== '');
      return reasons.length === 0 ? undefined : reasons.join('; ');
    }
    case 'pinning': {
      const progress = fetches.progress(pin.contentKey);
      return progress === undefined ? pin.reason?.text : `fetching: ${formatProgress(progress)}`;
    }
    case 'failed':
      return pin.reason?.text ?? 'given up';
    case 'pinned':
      return undefined;
  }
}

function formatProgress(progress: FetchProgress): string {
  return `${progress.blocks} ${progress.blocks === 1 ? 'block' : 'blocks'}, ${formatBytes(progress.bytes)}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `3.1 MiB`; bytes are whole. */
function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}
