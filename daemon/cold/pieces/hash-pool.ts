import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { SubtreeReply, SubtreeRequest } from './commp-worker.ts';

/** Threads that hash chunks. They are started when there is work and end when there has been none for a while. */
export interface HashPool {
  readonly threads: number;
  /** Takes the buffer away and gives it back with the root. */
  hash(request: SubtreeRequest): Promise<SubtreeReply>;
  /** Ends the threads. What they were at is rejected; a later `hash` starts anew. */
  close(): Promise<void>;
}

interface Job {
  request: SubtreeRequest;
  resolve: (reply: SubtreeReply) => void;
  reject: (error: Error) => void;
}

interface Thread {
  worker: Worker;
  job: Job | undefined;
}

const IDLE_MS = 10_000;

/** @param wanted at least 1; without it one core is left to the rest of the daemon. */
export function createHashPool(wanted = availableParallelism() - 1): HashPool {
  const threads = Math.max(1, wanted);
  const running = new Set<Thread>();
  const waiting: Job[] = [];
  let idle: NodeJS.Timeout | undefined;

  function start(): Thread {
    const worker = new Worker(workerUrl());
    const thread: Thread = { worker, job: undefined };
    worker.on('message', (reply: SubtreeReply) => {
      const done = thread.job;
      thread.job = undefined;
      take(thread);
      done?.resolve(reply);
    });
    const gone = (error: Error): void => {
      running.delete(thread);
      thread.job?.reject(error);
      thread.job = undefined;
      if (waiting.length > 0 && running.size === 0) take(start());
    };
    worker.on('error', (cause) => gone(new Error('a hashing thread failed', { cause })));
    worker.on('exit', () => gone(new Error('a hashing thread ended')));
    running.add(thread);
    return thread;
  }

  function take(thread: Thread): void {
    const job = waiting.shift();
    if (job === undefined) {
      // A thread without work holds up nobody's exit.
      thread.worker.unref();
      idle ??= setTimeout(endIdle, IDLE_MS).unref();
      idle.refresh();
      return;
    }
    thread.worker.ref();
    thread.job = job;
    thread.worker.postMessage(job.request, [job.request.buffer]);
  }

  function endIdle(): void {
    for (const thread of running) {
      if (thread.job !== undefined) continue;
      running.delete(thread);
      void thread.worker.terminate();
    }
  }

  return {
    threads,
    hash: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        const free = [...running].find(({ job }) => job === undefined);
        if (free !== undefined) take(free);
        else if (running.size < threads) take(start());
      }),
    async close() {
      clearTimeout(idle);
      idle = undefined;
      for (const job of waiting.splice(0)) job.reject(new Error('the hashing threads were ended'));
      await Promise.all([...running].map(({ worker }) => worker.terminate()));
    },
  };
}

/** Beside this file, in whatever language it was loaded: Node runs TypeScript as it is, and so it does what was compiled. */
function workerUrl(): URL {
  const url = new URL('./commp-worker.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? url : new URL(url.href.replace(/\.ts$/, '.js'));
}
