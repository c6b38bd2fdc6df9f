import { PassThrough } from 'node:stream';

import type Router from '@koa/router';

import type { Account } from '../daemon/domain/account.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Accounts } from '../daemon/domain/ports.ts';
import type { Upload, Uploads } from '../daemon/domain/upload-port.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
import { renderPin } from './admin-render.ts';
import type { AdminValidators } from './admin-validate.ts';
import { failureOf, unsupportedMediaType } from './errors.ts';
import { bodyOf, goneWith, requestOf } from './uploads.ts';

type Line = components['schemas']['UploadLine'];

export interface AdminUploadsOptions {
  /** Absent where nothing can be uploaded. */
  uploads?: Uploads;
  accounts: Accounts;
  validators: AdminValidators;
  log: Log;
}

const PROGRESS_EVERY_MS = 500;
const FORM = 'multipart/form-data';

/** `POST /admin/uploads`: files, as kubo's `add` takes them, and then a pin of what they became. */
export function addUploadRoutes(router: Router, { uploads, accounts, validators, log }: AdminUploadsOptions): void {
  if (uploads === undefined) return;

  router.post('/admin/uploads', async (ctx) => {
    const { account, name, bytes } = validators.query('uploadFiles', ctx.querystring);
    const type = ctx.req.headers['content-type'] ?? '';
    if (!type.toLowerCase().startsWith(`${FORM};`)) throw unsupportedMediaType(type, FORM);
    const owner = await ownerOf(accounts, account);
    const upload = await uploads.begin(owner.id, goneWith(ctx.req), bytes);
    // From here on the reply goes while the request comes, so what fails is told in its last line.
    const lines = new PassThrough();
    ctx.type = 'application/x-ndjson';
    ctx.body = lines;
    const write = (line: Line): void => void lines.write(`${JSON.stringify(line)}\n`);
    void take(upload, write).finally(() => lines.end());

    async function take(upload: Upload, write: (line: Line) => void): Promise<void> {
      let bytes = 0;
      write({ bytes });
      const ticking = setInterval(() => write({ bytes }), PROGRESS_EVERY_MS);
      try {
        const taken = await upload.takeFiles(bodyOf(ctx.req), type, (sent) => {
          bytes = sent;
        });
        const { name: accountName } = await ownerOf(accounts, owner.id);
        const pin = await upload.pin(requestOf(taken, name));
        write({ bytes, cid: pin.cid, pin: renderPin(pin, accountName) });
      } catch (error) {
        // One that has come whole is destroyed too, and its sender waits for the answer.
        if (ctx.req.complete || !ctx.req.destroyed) write({ bytes, ...failureOf(error, log) });
      } finally {
        clearInterval(ticking);
        upload.end();
      }
    }
  });
}

/** Rejects for one that is being deleted: its pins would go with it. */
async function ownerOf(accounts: Accounts, account: string): Promise<Account> {
  const owner = await accounts.find(account);
  if (owner.state === 'deleting') throw new FbpdError('CONFLICT', `account ${owner.name} is being deleted`, { subject: 'account' });
  return owner;
}
