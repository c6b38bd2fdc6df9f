import { ColdError } from '../../domain/cold-ports.ts';

/** JSON-RPC's own: there is no such method, so nothing was done. */
const NO_SUCH_METHOD = -32601;
/** JSON-RPC's own codes: the request was not understood, so nothing was done. */
const NOT_UNDERSTOOD: readonly number[] = [NO_SUCH_METHOD, -32602, -32700, -32600];

const MISSING_PERMISSION = /^missing permission to invoke /;
/** Of what Lotus says, that much is kept. */
const SAID_CHARS_MAX = 600;

/** Lotus answered with an error of its own. */
export class LotusRefusal extends ColdError {
  readonly code: number;
  /** In Lotus's words. */
  readonly said: string;

  constructor(method: string, code: number, message: string) {
    const said = message.slice(0, SAID_CHARS_MAX);
    super(MISSING_PERMISSION.test(message) ? 'unauthorized' : 'refused', `Lotus refused ${method}: ${said}`);
    this.code = code;
    this.said = said;
  }

  /** The request was not carried out at all, not even in part. */
  get notUnderstood(): boolean {
    return NOT_UNDERSTOOD.includes(this.code);
  }

  get noSuchMethod(): boolean {
    return this.code === NO_SUCH_METHOD;
  }
}

/** Runs a call; a refusal whose words match gives `value` instead. */
export async function unlessRefused<T>(words: RegExp, value: T, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof LotusRefusal && words.test(error.said)) return value;
    throw error;
  }
}
