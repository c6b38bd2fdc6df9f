import type { CID } from 'multiformats/cid';

import type { Content } from '../daemon/domain/content.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Clock, PinStore, Standing } from '../daemon/domain/ports.ts';
import { unavailable } from './errors.ts';
import type { Reader } from './gateway-readers.ts';
import type { Asked } from './gateway-request.ts';

/** What is read, and where it is. */
export interface Grant {
  /** What the bytes are counted for: the content itself, or the one that the block belongs to. */
  contentKey: string;
  /** `network`: pinned by nobody, and to be looked for. */
  from: 'hot' | 'cold' | 'network';
}

export interface AccessOptions {
  pins: Pick<PinStore, 'standing'>;
  /** The held contents that a block belongs to. */
  belongs: (cid: CID) => Promise<readonly string[]>;
  /** Whether everybody may read what anybody has pinned. */
  isPublic: boolean;
  /** Whether tokens may read what nobody has pinned. */
  fetchAny: boolean;
  clock: Clock;
}

export interface Access {
  /**
   * Rejects with 404, the same one for what is not here and for what is not this reader's; with 503 or 404 and the reason for
   * what the reader's account has pinned and is not held; with `CID_BLOCKED`.
   */
  grant(reader: Reader, asked: Asked): Promise<Grant>;
  /** Rejects with `CID_BLOCKED` when one of these was taken down. */
  confirm(contentKeys: readonly string[]): Promise<void>;
}

/** A block may belong to very many contents; one that is readable is enough, and a stranger's request costs no more than this. */
const PARENTS_MAX = 64;
const RETRY_SECONDS_MIN = 5;
const RETRY_SECONDS_MAX = 3600;

export function createAccess(options: AccessOptions): Access {
  const { pins, belongs, isPublic, fetchAny, clock } = options;

  function mayRead({ isPinned, content, isBlocked }: Standing): boolean {
    return !isBlocked && (isPinned || (isPublic && content !== undefined && content.pins > 0));
  }

  const standingFor = (reader: Reader, contentKey: string): Promise<Standing> =>
    pins.standing(contentKey, reader.kind === 'public' ? undefined : reader.accountId);

  /** A held content that the block is a part of, and that the reader may read. */
  async function parentOf(reader: Reader, cid: CID): Promise<string | undefined> {
    // A link is to one content alone.
    if (reader.kind === 'link') return undefined;
    for (const contentKey of (await belongs(cid)).slice(0, PARENTS_MAX)) {
      const standing = await standingFor(reader, contentKey);
      if (mayRead(standing) && placeOf(standing.content) === 'hot') return contentKey;
    }
    return undefined;
  }

  return {
    async grant(reader, { cid, contentKey }) {
      const standing = await standingFor(reader, contentKey);
      if (standing.isBlocked) throw blocked();
      const from = mayRead(standing) ? placeOf(standing.content) : undefined;
      if (from !== undefined) return { contentKey, from };
      const parent = await parentOf(reader, cid);
      if (parent !== undefined) return { contentKey: parent, from: 'hot' };
      if (reader.kind !== 'public' && standing.isPinned) throw notHeld(standing, clock.nowMs());
      if (fetchAny && reader.kind === 'token') return { contentKey, from: 'network' };
      throw new FbpdError('NOT_FOUND', 'nothing that can be read here has this CID', { subject: 'cid' });
    },
    async confirm(contentKeys) {
      const standings = await Promise.all(contentKeys.map((contentKey) => pins.standing(contentKey)));
      if (standings.some(({ isBlocked }) => isBlocked)) throw blocked();
    },
  };
}

/** Where the store says that a content is. Whether the hot tier really has it is nothing that is asked of the tier. */
function placeOf(content: Content | undefined): 'hot' | 'cold' | undefined {
  if (content === undefined) return undefined;
  if (content.hot === 'pinned') return 'hot';
  return content.hot === 'cold' ? 'cold' : undefined;
}

/** For the account that pins it: why it cannot be read, and whether waiting helps. */
function notHeld({ content, status }: Standing, nowMs: number): Error {
  const why = content?.reason?.text;
  if (status === 'failed') {
    return new FbpdError('NOT_FOUND', `the pin of this CID has failed: ${why ?? 'it was given up'}`, { subject: 'cid' });
  }
  const text = status === 'pinning' ? 'it is being fetched' : 'it waits to be fetched';
  const waitSeconds = Math.ceil(((content?.notBeforeMs ?? 0) - nowMs) / 1000);
  return unavailable(
    `this CID is pinned, but not held yet: ${why === undefined ? text : `${text} (${why})`}`,
    Math.min(RETRY_SECONDS_MAX, Math.max(RETRY_SECONDS_MIN, waitSeconds)),
  );
}

function blocked(): FbpdError {
  return new FbpdError('CID_BLOCKED', 'the operator of this service has blocked this CID', { subject: 'cid' });
}
