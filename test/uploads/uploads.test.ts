import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

import test from 'ava';

import { contentKeyOf } from '../../daemon/domain/cid.ts';
import type { Content } from '../../daemon/domain/content.ts';
import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Pin, PinRequest } from '../../daemon/domain/pin.ts';
import { HotError } from '../../daemon/domain/ports.ts';
import { UploadError } from '../../daemon/domain/upload-port.ts';
import { carOf } from '../fixtures/create-car.ts';
import { createTestUploads } from '../fixtures/create-uploads.ts';
import { poll } from '../fixtures/poll.ts';
import { cidOf, RAW } from '../hot/blocks.ts';

const never = new AbortController().signal;
const SOON_MS = 10_000;

/** Pins of which the test says how they are. */
function createPins() {
  const state: { hot?: Content['hot'] } = { hot: 'wanted' };
  return {
    state,
    add: (accountId: string, request: PinRequest) =>
      Promise.resolve({ ...request, requestId: 'r', accountId, status: state.hot === 'pinned' ? 'pinned' : 'queued', createdMs: 0 } as Pin),
    contents: (keys: readonly string[]) =>
      Promise.resolve(keys.map(() => (state.hot === undefined ? undefined : ({ hot: state.hot } as Content)))),
  };
}

async function someCar() {
  const bytes = Buffer.from('a block');
  const cid = await cidOf(bytes, RAW);
  return { cid, car: carOf([cid], [{ cid, bytes }]), request: { cid: cid.toString(), contentKey: contentKeyOf(cid), origins: [] } };
}

async function* of(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

test('nothing of an upload is deleted before its pin is pinned', async (t) => {
  const pins = createPins();
  const { uploads, gate } = createTestUploads(t, pins, { times: { heldEveryMs: 5 } });
  const { car, cid, request } = await someCar();
  const upload = await uploads.begin('ada', never);
  t.true((await upload.takeCar(of(car))).root.equals(cid));
  await upload.pin(request);
  upload.end();
  t.is(gate.inside().unpausable, 1);
  await sleep(20);
  t.is(gate.inside().unpausable, 1);
  pins.state.hot = 'pinned';
  await poll('the gate is passed', SOON_MS, () => gate.inside().all === 0);
});

for (const hot of ['failed', undefined] as const) {
  test(`a content that is ${hot ?? 'gone'} is not waited for`, async (t) => {
    const pins = createPins();
    const { uploads, gate } = createTestUploads(t, pins, { times: { heldEveryMs: 5 } });
    const { car, request } = await someCar();
    const upload = await uploads.begin('ada', never);
    await upload.takeCar(of(car));
    await upload.pin(request);
    upload.end();
    delete pins.state.hot;
    if (hot !== undefined) pins.state.hot = hot;
    await t.notThrowsAsync(poll('the gate is passed', SOON_MS, () => gate.inside().all === 0));
  });
}

test('a pin that does not come about is not waited for without end, and one that is there already not at all', async (t) => {
  const pins = createPins();
  const { uploads, gate } = createTestUploads(t, pins, { times: { heldEveryMs: 5, heldMs: 30 } });
  const { car, request } = await someCar();
  const slow = await uploads.begin('ada', never);
  await slow.takeCar(of(car));
  await slow.pin(request);
  slow.end();
  await poll('the gate is passed', SOON_MS, () => gate.inside().all === 0);
  pins.state.hot = 'pinned';
  const quick = await uploads.begin('ada', never);
  await quick.takeCar(of(car));
  await quick.pin(request);
  quick.end();
  t.is(gate.inside().all, 0);
});

test('an upload that is refused lets go of everything', async (t) => {
  const { uploads, gate } = createTestUploads(t, createPins());
  const upload = await uploads.begin('ada', never);
  await t.throwsAsync(upload.takeCar(of(Buffer.from('nothing of a CAR'))), { instanceOf: UploadError });
  upload.end();
  upload.end();
  t.is(gate.inside().all, 0);
});

test('so many run at once, and no account has them all', async (t) => {
  const { uploads } = createTestUploads(t, createPins());
  const begin = (account: string) => uploads.begin(account, never);
  const first = await begin('ada');
  await begin('ada');
  const own = await t.throwsAsync(begin('ada'), { instanceOf: UploadError, message: /of this account/ });
  t.is((own as UploadError).fault, 'busy');
  await begin('bob');
  await begin('bob');
  await t.throwsAsync(begin('eve'), { instanceOf: UploadError, message: /as many uploads run as may \(4\)/ });
  first.end();
  first.end();
  await begin('eve');
  await t.throwsAsync(begin('zoe'), { instanceOf: UploadError });
});

test('where only one may run, it may be anybody', async (t) => {
  const { uploads } = createTestUploads(t, createPins(), { limits: { dagBytes: 1, dagBlocks: 1, concurrentUploads: 1 } });
  (await uploads.begin('ada', never)).end();
  await t.notThrowsAsync(uploads.begin('bob', never));
});

test('a collection is waited for, for a moment', async (t) => {
  const { uploads, gate } = createTestUploads(t, createPins(), { times: { gateMs: 20 } });
  await gate.close(0);
  const error = await t.throwsAsync(uploads.begin('ada', never), { instanceOf: FbpdError });
  t.is((error as FbpdError).code, 'UNAVAILABLE');
  const gone = new AbortController();
  const beginning = uploads.begin('ada', gone.signal);
  gone.abort(new Error('the client went away'));
  await t.throwsAsync(beginning, { message: 'the client went away' });
  gate.open();
  await t.notThrowsAsync(uploads.begin('ada', never));
  await t.notThrowsAsync(uploads.begin('ada', never), 'those that were turned away have left their places');
});

test('without room nothing is begun, and what runs is ended', async (t) => {
  const { uploads, room } = createTestUploads(t, createPins());
  const { car } = await someCar();
  const upload = await uploads.begin('ada', never);
  for (const [code, refusal] of [
    ['min_free', 'STORAGE_FULL'],
    ['hot_full', 'STORAGE_FULL'],
    ['hot_down', 'UNAVAILABLE'],
  ] as const) {
    room.reason = { code, text: '' };
    for (const doing of [() => uploads.begin('ada', never), () => upload.takeCar(of(car))]) {
      const error = await t.throwsAsync<Error>(doing(), { instanceOf: FbpdError }, code);
      t.is((error as FbpdError).code, refusal);
    }
  }
  room.reason = { code: 'gc', text: 'that is what the gate is for' };
  await t.notThrowsAsync(uploads.begin('ada', never));
});

test('a client that stalls, or drips, is given up, and one that is slow because of us is not', async (t) => {
  const { uploads, held } = createTestUploads(t, createPins(), { times: { stallMs: 60 } });
  const { car } = await someCar();
  async function* stalled() {
    yield car.subarray(0, 10);
    await new Promise(() => undefined);
  }
  async function* dripping() {
    for (const byte of car) {
      await sleep(15);
      yield Uint8Array.of(byte);
    }
  }
  for (const source of [stalled(), dripping()]) {
    const upload = await uploads.begin('ada', never);
    const error = await t.throwsAsync(upload.takeCar(source), { instanceOf: UploadError });
    t.is((error as UploadError).fault, 'stalled');
    upload.end();
  }
  const slow = createTestUploads(t, createPins(), {
    times: { stallMs: 60 },
    intake: { put: () => sleep(150), wanted: () => Promise.resolve([]), has: () => Promise.resolve(false) },
    blocks: held,
  });
  await t.notThrowsAsync((await slow.uploads.begin('ada', never)).takeCar(of(car.subarray(0, 50), car.subarray(50))));
});

/** The beginning of a CAR, and then nothing more. */
async function* silent(car: Uint8Array): AsyncGenerator<Uint8Array> {
  yield car.subarray(0, 10);
  await new Promise(() => undefined);
}

test('while garbage is to be deleted, an upload that stands still gives way, and one of which all has come is waited for', async (t) => {
  const { uploads, gate, garbage } = createTestUploads(t, createPins(), { times: { idleMs: 20, idleEveryMs: 5 } });
  const { car, request } = await someCar();
  const idle = await uploads.begin('ada', never);
  const taking = idle.takeCar(silent(car));
  const whole = await uploads.begin('bob', never);
  await whole.takeCar(of(car));
  await sleep(60);
  t.is(gate.inside().all, 2, 'as long as nobody waits for it, it may take its time');
  const closed = gate.close(60_000);
  const error = await t.throwsAsync(taking, { instanceOf: UploadError, message: /unpinned blocks are to be deleted; send it again/ });
  t.is((error as UploadError).fault, 'stalled');
  idle.end();
  t.deepEqual(garbage, [10]);
  await t.notThrowsAsync(whole.pin(request));
  whole.end();
  await uploads.stop();
  t.true(await closed);
});

test('when room gets short every upload ends at once that has not come to its pin, with a refusal that says so', async (t) => {
  const { uploads, room, gate } = createTestUploads(t, createPins(), { times: { idleEveryMs: 5 } });
  const { car, request } = await someCar();
  const idle = await uploads.begin('ada', never);
  const taking = idle.takeCar(silent(car));
  const whole = await uploads.begin('bob', never);
  await whole.takeCar(of(car));
  room.reason = { code: 'hot_full', text: '' };
  for (const ended of [taking, whole.pin(request)]) {
    const error = await t.throwsAsync<Error>(ended, { instanceOf: FbpdError });
    t.is((error as FbpdError).code, 'STORAGE_FULL');
  }
  idle.end();
  whole.end();
  t.is(gate.inside().all, 0);
});

test('what an upload leaves that comes to nothing is garbage, and what was pinned is not', async (t) => {
  const { uploads, garbage } = createTestUploads(t, createPins());
  const { car, request } = await someCar();
  const broken = await uploads.begin('ada', never);
  await t.throwsAsync(broken.takeCar(of(car.subarray(0, car.length - 1))));
  broken.end();
  broken.end();
  t.deepEqual(garbage, [car.length - 1]);
  const whole = await uploads.begin('ada', never);
  await whole.takeCar(of(car));
  await whole.pin(request);
  whole.end();
  const empty = await uploads.begin('ada', never);
  empty.end();
  t.is(garbage.length, 1);
});

test('more bytes than an upload may have are not taken, whatever they are', async (t) => {
  const { uploads } = createTestUploads(t, createPins(), { limits: { dagBytes: 1_000, dagBlocks: 10, concurrentUploads: 4 } });
  const { car } = await someCar();
  async function* endless() {
    yield car;
    for (;;) yield Buffer.alloc(100);
  }
  const error = await t.throwsAsync((await uploads.begin('ada', never)).takeCar(endless()), { instanceOf: UploadError });
  t.is((error as UploadError).fault, 'too_large');
});

test('files that are more than one pin may have are refused before they come, as soon as they are, and as what they become', async (t) => {
  const { cid: root } = await someCar();
  const become = { dagBytes: 1_000 };
  const taken: number[] = [];
  const { uploads, garbage } = createTestUploads(t, createPins(), {
    limits: { dagBytes: 1_000, dagBlocks: 10_000, concurrentUploads: 4 },
    files: {
      async add(form) {
        taken.push(0);
        for await (const piece of form) taken[taken.length - 1] = (taken.at(-1) ?? 0) + piece.length;
        return { root, ...become };
      },
    },
  });
  const head = Buffer.from('--x\r\nContent-Type: application/octet-stream\r\n\r\n');
  const take = async (bytes: number) => {
    const upload = await uploads.begin('ada', never);
    const files = Array.from({ length: bytes / 100 }, () => Buffer.alloc(100));
    await upload
      .takeFiles(of(head, ...files, Buffer.from('\r\n--x--\r\n')), 'multipart/form-data; boundary=x', () => undefined)
      .finally(() => upload.end());
  };
  const message = 'the files have more than 1000 bytes, the most one pin may have (limits.dag_bytes)';
  const early = await t.throwsAsync(uploads.begin('ada', never, 1_001), { instanceOf: UploadError, message });
  t.is((early as UploadError).fault, 'too_large');
  await t.notThrowsAsync(take(1_000));
  await t.throwsAsync(take(5_000), { instanceOf: UploadError, message });
  t.is(taken.at(-1), head.length + 1_000);
  become.dagBytes = 1_001;
  await t.throwsAsync(take(1_000), { instanceOf: UploadError, message: /with what holds their blocks together, have more than 1000/ });
  t.is(garbage.length, 3);
});

test('what the hot tier could not do is said without its words for it', async (t) => {
  const { car } = await someCar();
  for (const [error, expected] of [
    [new HotError('down', 'kubo is not running'), 'UNAVAILABLE'],
    [new HotError('refused', 'storing x: write /blocks/x: no space left on device'), 'STORAGE_FULL'],
  ] as const) {
    const intake = { put: () => Promise.reject(error), wanted: () => Promise.resolve([]), has: () => Promise.resolve(false) };
    const { uploads } = createTestUploads(t, createPins(), { intake });
    const said = await t.throwsAsync((await uploads.begin('ada', never)).takeCar(of(car)), { instanceOf: FbpdError });
    t.is((said as FbpdError).code, expected);
  }
});

test('stopping ends what runs and what waits, and waits for it', async (t) => {
  const pins = createPins();
  const { uploads, gate } = createTestUploads(t, pins);
  const { car, request } = await someCar();
  const pinned = await uploads.begin('bob', never);
  await pinned.takeCar(of(car));
  await pinned.pin(request);
  pinned.end();
  const upload = await uploads.begin('ada', never);
  const taking = upload.takeCar(
    (async function* () {
      yield car.subarray(0, 10);
      await new Promise(() => undefined);
    })(),
  );
  const refused = t.throwsAsync(taking, { instanceOf: FbpdError, message: /going down/ });
  await turn();
  await uploads.stop();
  await refused;
  upload.end();
  t.is(gate.inside().all, 0);
  await t.throwsAsync(uploads.begin('ada', never), { message: /going down/ });
});
