import { FbpdError } from '../domain/errors.ts';
import type { PinStore } from '../domain/ports.ts';
import type { DiskState } from './disk-guard.ts';

/**
 * The same pins, but none is accepted while the disk is full: what room is left, or the ballast has given back, is for
 * removing pins and for ending what is under way.
 */
export function refuseWhenFull(pins: PinStore, disk: () => DiskState): PinStore {
  function admit(): void {
    if (disk() !== 'full') return;
    throw new FbpdError('STORAGE_FULL', 'the disk is full: new pins are refused, and accepted again by themselves when there is room');
  }
  return {
    ...pins,
    async add(accountId, request) {
      admit();
      return pins.add(accountId, request);
    },
    async replace(accountId, requestId, request) {
      admit();
      return pins.replace(accountId, requestId, request);
    },
  };
}
