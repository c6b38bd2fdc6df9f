/** An error as it goes over the wire. Code 1 is every ordinary error of Lotus, 3 is "actor not found". */
export class RpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}
