import type { NAME_MATCHES, PinQuery, PinStatus } from '../../daemon/domain/pin.ts';
import type { FetchOutcome } from '../../daemon/domain/ports.ts';

export interface ModelPin {
  requestId: string;
  accountId: string;
  contentKey: string;
  createdMs: number;
  name?: string;
  meta?: Readonly<Record<string, string>>;
}

/** A content in flags, each of which means what it says. It is there without pins while a fetch or an unpin goes on. */
interface ModelContent {
  held: boolean;
  /** Held without a hot copy. */
  cold: boolean;
  failed: boolean;
  fetching: boolean;
  unpinning: boolean;
  /** A pin in the hot tier may be ours. */
  ours: boolean;
}

/** What the pin store should be like, over plain arrays: no indexes, no cleverness. */
export class PinModel {
  pins: ModelPin[] = [];
  readonly contents = new Map<string, ModelContent>();
  readonly blocked = new Set<string>();

  add(pin: ModelPin): void {
    this.pins.push(pin);
    const content = this.contents.get(pin.contentKey);
    if (content === undefined) {
      this.contents.set(pin.contentKey, { held: false, cold: false, failed: false, fetching: false, unpinning: false, ours: false });
    } else content.failed = false;
  }

  remove(requestId: string): void {
    const pin = this.pins.find((candidate) => candidate.requestId === requestId);
    if (pin === undefined) return;
    this.pins = this.pins.filter((candidate) => candidate !== pin);
    if (!this.isWanted(pin.contentKey)) this.#letGo(pin.contentKey);
  }

  /** True when the fetch may begin. */
  begin(contentKey: string, owner: 'ours' | 'foreign'): boolean {
    const content = this.contents.get(contentKey);
    if (content === undefined || !this.isQueued(contentKey)) return false;
    content.fetching = true;
    if (owner === 'ours') content.ours = true;
    return true;
  }

  /** True when somebody wants the outcome. */
  end(contentKey: string, outcome: FetchOutcome): boolean {
    const content = this.contents.get(contentKey);
    if (content === undefined || content.cold) return false;
    if (!content.fetching && (outcome.kind === 'pinned' || !this.isQueued(contentKey))) return false;
    content.fetching = false;
    if (content.failed || !this.isWanted(contentKey)) {
      this.#letGo(contentKey);
      return false;
    }
    content.held = outcome.kind === 'pinned';
    content.failed = outcome.kind === 'failed';
    return true;
  }

  recover(): string[] {
    const fetching = [...this.contents].filter(([, content]) => content.fetching).map(([contentKey]) => contentKey);
    for (const contentKey of fetching) {
      const content = this.contents.get(contentKey);
      if (content !== undefined) content.fetching = false;
      if (content?.cold) content.unpinning = true;
      else if (content?.failed || !this.isWanted(contentKey)) this.#letGo(contentKey);
    }
    return fetching;
  }

  released(contentKey: string): void {
    const content = this.contents.get(contentKey);
    if (!content?.unpinning) return;
    content.unpinning = false;
    content.ours = false;
    if (!this.isWanted(contentKey)) this.contents.delete(contentKey);
  }

  vanished(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.held) return false;
    content.held = false;
    content.ours = false;
    return true;
  }

  vanishedToCold(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.held) return false;
    content.held = false;
    content.ours = false;
    content.cold = true;
    return true;
  }

  evict(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.held || !content.ours) return false;
    content.held = false;
    content.cold = true;
    content.unpinning = true;
    return true;
  }

  beginWarm(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.cold || content.fetching || content.unpinning) return false;
    content.fetching = true;
    content.ours = true;
    return true;
  }

  endWarm(contentKey: string, isPinned: boolean): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.fetching || (!content.cold && !content.failed && this.isWanted(contentKey))) return false;
    content.fetching = false;
    if (!content.cold) this.#letGo(contentKey);
    else if (isPinned) {
      content.cold = false;
      content.held = true;
    } else content.unpinning = true;
    return true;
  }

  lose(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (!content?.cold || content.fetching || content.unpinning) return false;
    content.cold = false;
    content.failed = true;
    return true;
  }

  retry(contentKey: string): void {
    const content = this.contents.get(contentKey);
    if (content !== undefined && !content.held && !content.cold) content.failed = false;
  }

  block(contentKey: string): void {
    this.blocked.add(contentKey);
    const content = this.contents.get(contentKey);
    if (content === undefined) return;
    content.failed = true;
    this.#letGo(contentKey);
  }

  isWanted(contentKey: string): boolean {
    return this.pins.some((pin) => pin.contentKey === contentKey);
  }

  isQueued(contentKey: string): boolean {
    const content = this.contents.get(contentKey);
    if (content === undefined || !this.isWanted(contentKey)) return false;
    return !content.held && !content.cold && !content.failed && !content.fetching && !content.unpinning;
  }

  statusOf(contentKey: string): PinStatus {
    const content = this.contents.get(contentKey);
    if (content?.held || content?.cold) return 'pinned';
    if (content?.failed) return 'failed';
    return content?.fetching ? 'pinning' : 'queued';
  }

  /** Newest first. */
  matching(accountId: string, query: PinQuery): (ModelPin & { status: PinStatus })[] {
    return this.pins
      .filter((pin) => pin.accountId === accountId)
      .map((pin) => ({ ...pin, status: this.statusOf(pin.contentKey) }))
      .filter((pin) => passes(pin, query))
      .sort((a, b) => b.createdMs - a.createdMs);
  }

  #letGo(contentKey: string): void {
    const content = this.contents.get(contentKey);
    if (content === undefined) return;
    content.held = false;
    content.cold = false;
    if (content.fetching) return;
    if (content.ours) content.unpinning = true;
    else if (!this.isWanted(contentKey)) this.contents.delete(contentKey);
  }
}

function passes(pin: ModelPin & { status: PinStatus }, query: PinQuery): boolean {
  return (
    (query.statuses?.includes(pin.status) ?? true) &&
    (query.contentKeys?.includes(pin.contentKey) ?? true) &&
    (query.name === undefined || matches(pin.name ?? '', query.name, query.match)) &&
    Object.entries(query.meta ?? {}).every(([key, value]) => pin.meta?.[key] === value) &&
    (query.beforeMs === undefined || pin.createdMs < query.beforeMs) &&
    (query.afterMs === undefined || pin.createdMs > query.afterMs)
  );
}

function matches(name: string, needle: string, match: (typeof NAME_MATCHES)[number]): boolean {
  const [a, b] = match.startsWith('i') ? [name.toLowerCase(), needle.toLowerCase()] : [name, needle];
  return match.endsWith('partial') ? a.includes(b) : a === b;
}
