import { hash } from 'node:crypto';

import { CID } from 'multiformats/cid';

import { PieceError } from '../../domain/cold-ports.ts';
import type { PieceLayout, SectionPlace } from '../../domain/piece-layout.ts';
import { sectionBytes } from './car-format.ts';
import { type Manifest, ManifestDamage, type Section } from './manifest.ts';

/** Blocks of which the place is kept, in 32 bytes each at most. Those behind them come with their content, and not by themselves. */
const KNOWN_MAX = 1_000_000;

/** @param onDamage - the manifest was found damaged on the way */
export function createPieceLayout(manifest: Manifest, onDamage: (error: ManifestDamage) => Promise<void>): PieceLayout {
  let places: Promise<Places> | undefined;

  async function seen<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof ManifestDamage) await onDamage(error);
      const why = error instanceof Error ? error.message : String(error);
      throw new PieceError('mismatch', `which block lies where in the piece cannot be read any more: ${why}`, { cause: error });
    }
  }

  function known(): Promise<Places> {
    places ??= readPlaces(manifest).catch((error: unknown) => {
      places = undefined;
      throw error;
    });
    return places;
  }

  return {
    find: (cid) =>
      seen(async () => {
        const at = (await known()).find(cid.toV1().bytes);
        if (at === undefined) return undefined;
        for await (const section of manifest.from(at)) return isOf(section, cid) ? placeOf(section) : undefined;
        return undefined;
      }),
    async *from(at) {
      const sections = manifest.from(at);
      try {
        for (let next = await seen(() => sections.next()); next.done !== true; next = await seen(() => sections.next())) {
          if (next.value.own !== undefined) return;
          if (next.value.at >= at) yield placeOf(next.value);
        }
      } finally {
        await sections.return();
      }
    },
  };
}

/** Two CIDs may look alike to the table. */
function isOf(section: Section, cid: CID): boolean {
  return CID.decode(section.cid).toV1().equals(cid.toV1());
}

function placeOf({ at, cid, blockBytes }: Section): SectionPlace {
  const bytes = sectionBytes(cid.length, blockBytes);
  return { at, bytes, headBytes: bytes - blockBytes };
}

async function readPlaces(manifest: Manifest): Promise<Places> {
  const places = createPlaces();
  let left = KNOWN_MAX;
  for await (const { at, cid } of manifest.from(0)) {
    places.add(CID.decode(cid).toV1().bytes, at);
    left -= 1;
    if (left === 0) break;
  }
  return places;
}

interface Places {
  /** The first place of each stays. */
  add(cid: Uint8Array, at: number): void;
  find(cid: Uint8Array): number | undefined;
}

const FIRST_SLOTS = 256;

/** A `Map` of strings would take a hundred bytes for each. */
function createPlaces(): Places {
  /** Zero is an empty slot. */
  let keys = new Float64Array(FIRST_SLOTS);
  let ats = new Float64Array(FIRST_SLOTS);
  let used = 0;

  function slotOf(table: Float64Array, key: number): number {
    const mask = table.length - 1;
    let slot = key % table.length;
    while (table[slot] !== 0 && table[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  function grow(): void {
    const [oldKeys, oldAts] = [keys, ats];
    keys = new Float64Array(oldKeys.length * 2);
    ats = new Float64Array(oldKeys.length * 2);
    for (const [slot, key] of oldKeys.entries()) {
      if (key === 0) continue;
      const to = slotOf(keys, key);
      keys[to] = key;
      ats[to] = oldAts[slot] ?? 0;
    }
  }

  return {
    add(cid, at) {
      if ((used + 1) * 2 > keys.length) grow();
      const key = keyOf(cid);
      const slot = slotOf(keys, key);
      if (keys[slot] === key) return;
      keys[slot] = key;
      ats[slot] = at;
      used += 1;
    },
    find(cid) {
      const key = keyOf(cid);
      const slot = slotOf(keys, key);
      return keys[slot] === key ? ats[slot] : undefined;
    },
  };
}

/** 48 bits of its SHA-256, never zero. */
function keyOf(cid: Uint8Array): number {
  return 1 + hash('sha256', cid, 'buffer').readUIntBE(0, 6);
}
