/** Work that goes on beside what comes next, a few pieces of it at a time. */
export interface Window {
  /** Resolves as soon as there is room for the next; rejects with what the first one that failed did. */
  add(work: () => Promise<void>): Promise<void>;
  /** Waits for all of it, and rejects likewise. */
  settle(): Promise<void>;
}

export function createWindow(limit: number): Window {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  async function roomFor(count: number): Promise<void> {
    while (running.size > limit - count && failures.length === 0) await Promise.race(running);
    if (failures.length > 0) throw failures[0];
  }

  return {
    async add(work) {
      await roomFor(1);
      const one: Promise<void> = work()
        .catch((error: unknown) => void failures.push(error))
        .finally(() => void running.delete(one));
      running.add(one);
    },
    async settle() {
      await Promise.all(running);
      await roomFor(0);
    },
  };
}
