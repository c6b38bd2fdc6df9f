/** The package comes without types. As much of it as is used here. */
declare module 'ws' {
  import type { Socket } from 'node:net';

  export interface WebSocketOptions {
    createConnection: () => Socket;
    followRedirects: boolean;
    maxPayload: number;
    perMessageDeflate: boolean;
  }

  export class WebSocket {
    constructor(url: string, options: WebSocketOptions);
    binaryType: 'arraybuffer';
    on(event: 'error', listener: (error: Error) => void): this;
    once(event: 'open' | 'close', listener: () => void): this;
    close(code?: number): void;
    terminate(): void;
  }
}
