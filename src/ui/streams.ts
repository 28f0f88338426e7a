// Open streams of Server-Sent Events.
import type { ServerResponse } from 'node:http';

/** Bytes that may wait for a client; one that is slower is dropped, and asks for all anew. */
const MOST_WAITING = 2 ** 24;
/** Most streams. */
const MOST = 500;

/** An event as it goes over the wire. */
export const eventText = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

export class Streams {
  private readonly open = new Set<ServerResponse>();

  /** @param mostWaiting bytes that may wait for a client */
  constructor(private readonly mostWaiting = MOST_WAITING) {}

  get size(): number {
    return this.open.size;
  }

  /** Begins a stream; false: there are too many. */
  add(response: ServerResponse): boolean {
    if (this.open.size >= MOST) return false;
    // Not cut into chunks: a write is one call of the system.
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.socket?.setNoDelay(true);
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(': open\n\n');
    this.open.add(response);
    // A client that goes away is no error of ours.
    for (const event of ['close', 'error']) response.on(event, () => this.open.delete(response));
    return true;
  }

  /** Sends events, put together once for all. */
  send(text: string): void {
    const bytes = Buffer.from(text);
    for (const response of this.open) {
      if (response.writableLength > this.mostWaiting) response.destroy();
      else response.write(bytes);
    }
  }

  /** Sends last events, and closes. */
  end(text: string): void {
    const bytes = Buffer.from(text);
    for (const response of this.open) response.end(bytes);
  }
}
