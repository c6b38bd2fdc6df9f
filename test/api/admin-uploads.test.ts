import { request } from 'node:http';

import test, { type ExecutionContext } from 'ava';

import { HotError } from '../../daemon/domain/ports.ts';
import type { FileIntake, Uploads } from '../../daemon/domain/upload-port.ts';
import type { components } from '../../spec/fbpd.ts';
import { createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createTestUploads, type TestUploads } from '../fixtures/create-uploads.ts';
import { ownReplyProblems } from '../fixtures/fbpd-spec.ts';
import { poll } from '../fixtures/poll.ts';

type Line = components['schemas']['UploadLine'];

const SOON_MS = 10_000;
const TYPE = 'multipart/form-data; boundary=x';
const root = createCid('the root');

/** An admin socket whose hot tier makes the same root of every form. */
async function createBox(t: ExecutionContext, add?: FileIntake['add']): Promise<{ admin: TestAdmin; room: TestUploads }> {
  const files: FileIntake = {
    add:
      add ??
      (async (form) => {
        await Array.fromAsync(form);
        return { root, dagBytes: 1 };
      }),
  };
  // The store of its pins is there only when the admin socket is.
  const made: { room?: TestUploads } = {};
  const uploads: Uploads = { begin: async (...given) => await roomOf(made).uploads.begin(...given) };
  const admin = await createTestAdmin(t, { uploads });
  await admin.accounts.add('ada');
  made.room = createTestUploads(t, admin.pins, { files, limits: { dagBytes: 1_000, dagBlocks: 1, concurrentUploads: 2 } });
  return { admin, room: made.room };
}

function roomOf({ room }: { room?: TestUploads }): TestUploads {
  if (room === undefined) throw new Error('it is made before anything is sent');
  return room;
}

function send(
  t: ExecutionContext,
  { socket }: TestAdmin,
  query: string,
  body: string,
  type = TYPE,
): Promise<{ status: number; lines: Line[] }> {
  const path = `/admin/uploads${query}`;
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, method: 'POST', path, headers: { 'content-type': type } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        t.deepEqual(ownReplyProblems('POST', path, status, response.headers['content-type'] ?? '', text), []);
        resolve({
          status,
          lines: text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        });
      });
    });
    call.on('error', reject).end(body);
  });
}

test('files become a pin, with lines of progress before it', async (t) => {
  const { admin } = await createBox(t);
  const { status, lines } = await send(t, admin, '?account=ada&name=holiday', 'the form');
  t.is(status, 200);
  t.deepEqual(lines[0], { bytes: 0 });
  const last = lines.at(-1);
  t.like(last, { bytes: 8, cid: root.toString() });
  t.like(last?.pin, { account: 'ada', name: 'holiday', cid: root.toString(), status: 'queued' });
});

test('what is wrong with the request is refused at once', async (t) => {
  const { admin, room } = await createBox(t);
  t.is((await send(t, admin, '', 'x')).status, 400);
  t.is((await send(t, admin, '?account=', 'x')).status, 400);
  t.is((await send(t, admin, '?account=nobody', 'x')).status, 404);
  t.is((await send(t, admin, `?account=ada&name=${'n'.repeat(256)}`, 'x')).status, 400);
  t.is((await send(t, admin, '?account=ada', 'x', 'application/json')).status, 415);
  t.is((await send(t, admin, '?account=ada&bytes=1000', 'x')).status, 200);
  t.is((await send(t, admin, '?account=ada&bytes=1001', 'x')).status, 413);
  t.is((await send(t, admin, '?account=ada&bytes=4398046511104', 'x')).status, 413);
  room.room.reason = { code: 'hot_full', text: '' };
  t.is((await send(t, admin, '?account=ada', 'x')).status, 507);
});

test('what goes wrong later is the last line, and no pin', async (t) => {
  for (const [add, body, reason] of [
    [() => Promise.reject(new HotError('down', 'kubo is not running')), 'x', 'UNAVAILABLE'],
    [() => Promise.reject(new TypeError('a mistake')), 'x', 'INTERNAL_SERVER_ERROR'],
    [undefined, 'x'.repeat(1_300), 'PAYLOAD_TOO_LARGE'],
  ] as const) {
    const { admin } = await createBox(t, add);
    const { status, lines } = await send(t, admin, '?account=ada', body);
    t.is(status, 200);
    t.is(lines.at(-1)?.error?.reason, reason);
    t.is(admin.pins.totals().queued, 0);
  }
});

test('what goes wrong when all of it has come is the last line, too', async (t) => {
  const { admin, room } = await createBox(t);
  await admin.pins.block(root.toString(), '');
  t.is((await send(t, admin, '?account=ada', 'x')).lines.at(-1)?.error?.reason, 'CID_BLOCKED');
  const { admin: full, room: fullRoom } = await createBox(t, async (form) => {
    await Array.fromAsync(form);
    fullRoom.room.reason = { code: 'hot_full', text: '' };
    return { root, dagBytes: 1 };
  });
  t.is((await send(t, full, '?account=ada', 'x')).lines.at(-1)?.error?.reason, 'STORAGE_FULL');
  t.is(room.gate.inside().all + fullRoom.gate.inside().all, 0);
});

test('who goes away ends it', async (t) => {
  const { admin, room } = await createBox(t);
  const call = request({ socketPath: admin.socket, method: 'POST', path: '/admin/uploads?account=ada', headers: { 'content-type': TYPE } });
  call.on('error', () => undefined);
  call.write('the beginning of a form');
  await poll('it has begun', SOON_MS, () => room.gate.inside().all === 1);
  call.destroy();
  await poll('it has ended', SOON_MS, () => room.gate.inside().all === 0);
  t.is(admin.pins.totals().queued, 0);
});
