import { ColdError } from '../../../domain/cold-ports.ts';
import type { HttpReply } from './http.ts';

const PAYMENT_REQUIRED = 402;

/** The provider asks for money. */
export class Priced extends ColdError {
  constructor(host: string) {
    super('refused', `${host} wants to be paid for it (HTTP 402), which is not done over HTTP`);
  }
}

/** Throws a ColdError where the reply has no bytes. */
export function assertGiven({ status }: HttpReply, { host }: URL): void {
  if (status === 200 || status === 206) return;
  if (status === PAYMENT_REQUIRED) throw new Priced(host);
  if (status === 429 || status >= 500) throw new ColdError('unreachable', `${host} cannot give it just now (HTTP ${status})`);
  throw new ColdError('refused', `${host} does not give it (HTTP ${status})`);
}

/** Of several failures the one that leaves most hope: a server that did not answer may have it, and one that can be paid has it. */
export function worseOf(before: ColdError | undefined, error: ColdError): ColdError {
  const hope = (one: ColdError): number => (one.failure === 'unreachable' ? 2 : one instanceof Priced ? 1 : 0);
  return before === undefined || hope(error) > hope(before) ? error : before;
}
