import type { AppendFile } from '../../daemon/store/cold/append-file.ts';
import { Crash, type Life } from './life.ts';

/** A file that outlives the process. One that dies while it appends leaves any part of the bytes. */
export class SimFile {
  bytes: Buffer | undefined;

  /** As this process sees it. */
  port(life: Life, tornShare: () => number): AppendFile {
    const end = (): Buffer => this.bytes ?? Buffer.alloc(0);
    return {
      sizeBytes: async () => this.bytes?.length,
      read: async (atByte, sizeBytes) => end().subarray(atByte, atByte + sizeBytes),
      append: async (bytes) => {
        const before = end();
        try {
          await life.call('spendLog.append', () => {
            this.bytes = Buffer.concat([before, bytes]);
          });
        } catch (error) {
          const isTorn = error instanceof Crash && this.bytes !== before && life.lastCall === 'spendLog.append';
          if (isTorn && this.bytes?.length === before.length + bytes.length) {
            this.bytes = this.bytes.subarray(0, before.length + Math.floor(bytes.length * tornShare()));
          }
          throw error;
        }
      },
      truncate: async (sizeBytes) => {
        await life.call('spendLog.truncate', () => {
          this.bytes = end().subarray(0, sizeBytes);
        });
      },
    };
  }
}
