/** What the pinning API calls a pin's status. */
export const PIN_STATUSES = ['queued', 'pinning', 'pinned', 'failed'] as const;
export type PinStatus = (typeof PIN_STATUSES)[number];

/** What a client asks for: the body of `POST /pins`, already checked. */
export interface PinRequest {
  /** The CID exactly as submitted; replies echo it. */
  cid: string;
  /** CIDv1 base32 of the same CID: see `contentKeyOf`. */
  contentKey: string;
  name?: string;
  /** Peer multiaddrs ending in `/p2p/…`, kept until the pin is held and never returned. */
  origins: readonly string[];
  meta?: Readonly<Record<string, string>>;
}

/** One accepted request of one account. */
export interface Pin extends PinRequest {
  /** UUID. */
  requestId: string;
  accountId: string;
  status: PinStatus;
  /** Unique within the account, immutable; it is the paging cursor. */
  createdMs: number;
  /** Why it waits, retries or failed: shown as `info.status_details`. */
  reason?: Reason;
}

/** A named reason and its sentence. `code` is one of the documented constants of the planner or the hot tier. */
export interface Reason {
  code: string;
  text: string;
}

/** One line of `fbpd pins log`. */
export interface PinEvent {
  atMs: number;
  event: 'accepted' | 'fetching' | 'waiting' | 'pinned' | 'failed' | 'retried' | 'vanished' | 'evicted' | 'blocked';
  text: string;
}

export const NAME_MATCHES = ['exact', 'iexact', 'partial', 'ipartial'] as const;
export type NameMatch = (typeof NAME_MATCHES)[number];

/** The filters of `GET /pins`, already checked. Absent means unfiltered. */
export interface PinQuery {
  statuses?: readonly PinStatus[];
  contentKeys?: readonly string[];
  name?: string;
  match: NameMatch;
  /** Strictly before, milliseconds. */
  beforeMs?: number;
  /** Strictly after, milliseconds. */
  afterMs?: number;
  /** Every key must be there with that value. */
  meta?: Readonly<Record<string, string>>;
  /** 1..1000. */
  limit: number;
}

export interface PinPage {
  /** Pins that match every filter, `beforeMs` included, `limit` left out. */
  count: number;
  /** Newest first, at most `limit`. */
  pins: Pin[];
}
