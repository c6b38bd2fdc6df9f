import type { Pin, PinRequest, PinStatus, Reason } from '../../domain/pin.ts';
import type { Store, Versioned } from '../../domain/ports.ts';
import { type StoredContent, statusOf } from './fate.ts';
import type { CommitPart } from './fate-commit.ts';
import { keys, type PinAddress, type PinRecord } from './keys.ts';
import type { RosterEntry } from './roster-entry.ts';

/** A pin as it lies in the store, with where. */
export interface StoredPin extends PinAddress {
  record: PinRecord;
}

/** A pin that is to be removed, with the versions of its counted records. */
export interface LeavingPin extends StoredPin {
  pinVersion: number;
  entryVersion: number;
}

export function newPin(accountId: string, createdMs: number, requestId: string, request: PinRequest, nowMs: number): StoredPin {
  const { cid, contentKey, name, meta } = request;
  const record: PinRecord = {
    requestId,
    cid,
    contentKey,
    ...(name === undefined ? {} : { name }),
    ...(meta === undefined ? {} : { meta }),
    ...(createdMs === nowMs ? {} : { acceptedMs: nowMs }),
  };
  return { accountId, createdMs, record };
}

/** The pin with its content's status. Origins are with the wants and never shown. */
export function pinOf({ accountId, createdMs, record }: StoredPin, status: PinStatus, reason: Reason | undefined): Pin {
  const { acceptedMs: _own, ...request } = record;
  return { ...request, origins: [], accountId, createdMs, status, ...(reason === undefined ? {} : { reason }) };
}

export function pinOfContent(pin: StoredPin, content: StoredContent): Pin {
  return pinOf(pin, statusOf(content), content.reason);
}

/** Writes a new pin. */
export function putPin({ accountId, createdMs, record }: StoredPin, entry: RosterEntry): CommitPart {
  const pin = keys.pin(accountId, createdMs);
  const rosterEntry = keys.rosterEntry(accountId, createdMs);
  const address: PinAddress = { accountId, createdMs };
  return {
    expect: { [pin]: null, [rosterEntry]: null },
    ops: [
      { put: pin, value: record },
      { put: rosterEntry, value: entry },
      { put: keys.request(record.requestId), value: address },
      { put: keys.holder(record.contentKey, accountId, createdMs), value: {} },
    ],
  };
}

export function deletePin({ accountId, createdMs, record, pinVersion, entryVersion }: LeavingPin): CommitPart {
  const pin = keys.pin(accountId, createdMs);
  const rosterEntry = keys.rosterEntry(accountId, createdMs);
  return {
    expect: { [pin]: pinVersion, [rosterEntry]: entryVersion },
    ops: [
      { del: pin },
      { del: rosterEntry },
      { del: keys.request(record.requestId) },
      { del: keys.holder(record.contentKey, accountId, createdMs) },
    ],
  };
}

/** Where a request id leads; undefined when there is none. */
export async function readPin(store: Store, requestId: string): Promise<StoredPin | undefined> {
  const address = (await store.get<PinAddress>(keys.request(requestId)))?.value;
  if (address === undefined) return undefined;
  const record = (await store.get<PinRecord>(keys.pin(address.accountId, address.createdMs)))?.value;
  return record === undefined ? undefined : { ...address, record };
}

/** Those of the account's pins that are still there. */
export async function readLeavingPins(store: Store, accountId: string, created: readonly number[]): Promise<LeavingPin[]> {
  const records = await store.getMany<PinRecord>(created.map((createdMs) => keys.pin(accountId, createdMs)));
  const entries = await store.getMany<RosterEntry>(created.map((createdMs) => keys.rosterEntry(accountId, createdMs)));
  return created.flatMap((createdMs, index) => leavingPin(accountId, createdMs, records[index], entries[index]));
}

function leavingPin(
  accountId: string,
  createdMs: number,
  record: Versioned<PinRecord> | undefined,
  entry: Versioned<RosterEntry> | undefined,
): LeavingPin[] {
  if (record === undefined || entry === undefined) return [];
  return [{ accountId, createdMs, record: record.value, pinVersion: record.version, entryVersion: entry.version }];
}
