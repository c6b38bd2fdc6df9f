/** What goes wrong with an answer of the node. Each says what its client sees, and whether the request is carried out. */
export const RPC_FAULTS = {
  /** Answers later, by `delayMs`. Done. */
  delay: 'done',
  /** Reads the request and never answers. Not done. */
  hang: 'not done',
  /** Closes the connection with a reset. Not done. */
  reset: 'not done',
  /** Sends its headers and half of the body, then neither more nor an end. Done. */
  'half-open': 'done',
  /** Answers 200 with what is no JSON. Done. */
  garbage: 'done',
  /** Closes the connection in the middle of the JSON. Done. */
  'cut-json': 'done',
  /** Answers with the id of another request. Done. */
  'wrong-id': 'done',
  /** Streams `bodyBytes` (1 GB) of valid-looking JSON. Not done. */
  'huge-body': 'not done',
  /** HTTP 500, as from a proxy before it. Not done. */
  'http-500': 'not done',
  /** HTTP 401, as with a token that was revoked. Not done. */
  'http-401': 'not done',
  /** Answers as to a method that it has not, as a gateway does. Not done. */
  'no-such-method': 'not done',
  /** An application error with `message`. Not done. */
  error: 'not done',
  /** Carries it out, then closes the connection without a reply. */
  'drop-reply': 'done',
  /** Closes the connection at once and carries it out `delayMs` later: Lotus goes on when its client has gone. */
  'drop-then-do': 'done',
} as const satisfies Record<string, 'done' | 'not done'>;

export type RpcFaultKind = keyof typeof RPC_FAULTS;

export interface RpcFault {
  kind: RpcFaultKind;
  /** Method without `Filecoin.`; `*` for every method. */
  method: string;
  /** Only requests that name this provider. */
  provider?: string;
  /** Answers that go wrong; without it, all. */
  times?: number;
  /** Answers that go well before. */
  after?: number;
  delayMs?: number;
  bodyBytes?: number;
  message?: string;
}

/** What a provider does with an answer of mk12. All of them are done first: the deal is recorded, whatever its client sees. */
export type Mk12ReplyFault =
  /** Closes without a reply. */
  | 'drop'
  /** Sends half of it, then closes. */
  | 'cut'
  /** Says nothing, and does not close. */
  | 'hang'
  /** Sends what is no CBOR. */
  | 'garbage'
  /** Sends a megabyte of arrays within arrays. */
  | 'bomb'
  /** Announces a text of exabytes and sends 64 MiB of it. */
  | 'huge';

/** What a server of pieces does when it is asked for a range. */
export type RangeFaultKind =
  /** Sends all of it, as if nothing were said. */
  | 'ignored'
  /** Sends the range that begins one byte further on, and says so. */
  | 'shifted'
  /** Sends the right one and does not say which. */
  | 'unsaid'
  /** Says that there is none such. */
  | 'refused'
  /** Breaks off after 100,000 bytes. */
  | 'cut'
  /** Gives ten bytes at a time, and says so. */
  | 'drips'
  /** Sends so much more after it. */
  | 'padded'
  /** Gives 10,000 bytes at a time, and says so. */
  | 'short'
  /** Sends on to another path, where it is. */
  | 'redirected'
  /** Refuses every second request, as too much is asked of it. */
  | 'busy';

/** What a storage provider does wrong. */
export interface ProviderFaults {
  /** Refuses every proposal, for that reason; any other text is taken for the reason itself. */
  refuse?: 'price' | 'size' | 'not-allowed' | 'busy' | (string & {});
  /** With `refuse`: says no and publishes all the same. */
  publishAfterRefusal?: boolean;
  /** Accepts, takes the data, and never publishes. */
  neverPublish?: boolean;
  /** Publishes so much later. */
  publishLateEpochs?: number;
  /** Its publish message is replaced by one with more gas. */
  replacePublish?: boolean;
  /** Publishes and never seals: the deal misses its start. */
  neverSeal?: boolean;
  /** Answers nobody: asks hang, proposals do not reach it, retrievals hang. What it has sealed stays sealed. */
  dead?: boolean;
  /** Has lost what it stored. */
  loseBytes?: boolean;
  /** Gives back other bytes than it was given. */
  corruptBytes?: boolean;
  /** Offers no retrieval. */
  refuseRetrieval?: boolean;
  /** Takes ever so long to give bytes back: never. */
  hangRetrieval?: boolean;
  /** mk12: what it does with its answers. */
  mk12Reply?: Partial<Record<'store' | 'status' | 'ask' | 'transports', Mk12ReplyFault>>;
  /** mk12, Curio: what it has published stays "in progress", without a word of the chain. */
  neverNames?: boolean;
  /** mk12: accepts and never asks for the data, or begins and never comes to an end. */
  pull?: 'never' | 'forever';
  /** mk12: its gateway says 200 and gives no bytes, or 410 as with a CID on a denylist; its pieces are there. */
  gateway?: 'empty' | 'denied';
  /** mk12: what is wrong with ranges of its pieces. */
  ranges?: RangeFaultKind;
  /** Its ask is this, attoFIL per GiB and epoch, whatever it was. */
  askAtto?: string;
  /** Its ask names these sizes, padded, whatever it takes. */
  askSizes?: { min: number; max: number };
  /** Has proven nothing: the power table has no claim of it. */
  powerless?: boolean;
  /** What the chain has for its addresses, each in base64: of bytes that are no address, or of another's. */
  announced?: readonly string[];
  /** `ClientGetDealInfo` and `ClientListDeals` show its deals in this state. */
  lieState?: number;
}

/** What is wrong with the node as a whole. */
export interface NodeFaults {
  /** Shows a head so many epochs old, and reads state there. */
  behindEpochs?: number;
  /** Calls its network so. */
  network?: string;
  /** Shows a genesis of another chain. */
  otherGenesis?: boolean;
  /** It is a public gateway: no token, no wallet, no deals of its own, and messages of the last 20 epochs only. */
  gateway?: boolean;
  /** Blocks are full: of messages from outside they take those alone that offer so much. attoFIL per unit of gas. */
  minPremium?: number;
}

/** Every failure that can be switched on, in one place; all can be changed at any time. */
export class Faults {
  #rpc: RpcFault[] = [];
  #providers = new Map<string, ProviderFaults>();
  #node: NodeFaults = {};
  /** Faults that were met, newest last. */
  readonly met: { kind: RpcFaultKind; method: string }[] = [];

  /** Switches a fault of the node's answers on; later ones come first. */
  rpc(method: string, kind: RpcFaultKind, options: Omit<RpcFault, 'kind' | 'method'> = {}): void {
    this.#rpc.unshift({ kind, method, ...options });
  }

  provider(id: string, faults: ProviderFaults): void {
    this.#providers.set(id, { ...this.#providers.get(id), ...faults });
  }

  node(faults: NodeFaults): void {
    this.#node = { ...this.#node, ...faults };
  }

  /** All goes well again: everywhere, or with one provider. */
  clear(provider?: string): void {
    if (provider !== undefined) {
      this.#providers.delete(provider);
      return;
    }
    this.#rpc = [];
    this.#providers.clear();
    this.#node = {};
  }

  ofProvider(id: string): ProviderFaults {
    return this.#providers.get(id) ?? {};
  }

  get ofNode(): NodeFaults {
    return this.#node;
  }

  /** The fault that this request meets, counting it. */
  take(method: string, params: string): RpcFault | undefined {
    const fault = this.#rpc.find(
      (one) =>
        (one.method === '*' || one.method === method) &&
        one.times !== 0 &&
        (one.provider === undefined || params.includes(`"${one.provider}"`)),
    );
    if (fault === undefined) return undefined;
    if (fault.after !== undefined && fault.after > 0) {
      fault.after -= 1;
      return undefined;
    }
    if (fault.times !== undefined) fault.times -= 1;
    this.met.push({ kind: fault.kind, method });
    return fault;
  }
}
