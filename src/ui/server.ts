// The page beside runs: HTTP on this machine alone, and Server-Sent Events of what changes in the runs' folders.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError, MachineError } from '../base/errors';
import { pageHtml, pagePolicy } from '../train/reports/page/html';
import { pictureOf } from '../train/reports/page/pictures';
import { RunReader } from '../train/reports/page/run_reader';
import { packageVersion } from '../train/run/package_version';
import { eventText, Streams } from './streams';

/** Where it listens: nobody beyond this machine is heard. */
const HOST = '127.0.0.1';
/** How many ports are tried. */
const PORTS = 100;
/** Milliseconds between two looks at the folders, and after which a silent stream is given a sign of life. */
const [LOOK, SILENT] = [400, 15_000];
/** Pixels of a picture's longer side; pictures that are decoded at once. */
const [SIDE, DECODING] = [256, 2];

/** A run folder, and how it is called. */
export interface NamedRun {
  readonly dir: string;
  readonly name: string;
}

/** What every answer says: it is the page's alone, it is what it says it is, and it is not kept. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Serves the page of some runs, until it is closed. */
export class PageServer {
  private readonly token = randomBytes(16).toString('hex');
  private readonly html = pageHtml({ kind: 'live', version: packageVersion('emotion-gcn', import.meta.url) });
  private readonly policy = `${pagePolicy()}; frame-ancestors 'none'`;
  private readonly readers: RunReader[] = [];
  private readonly streams = new Streams();
  private readonly server: Server;
  private timer: NodeJS.Timeout | null = null;
  private port = 0;
  /** When streams were last told something. */
  private told = 0;
  private decoding: readonly Promise<unknown>[] = new Array(DECODING).fill(Promise.resolve());

  private constructor() {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error) => {
        if (response.headersSent) response.destroy();
        else refuse(response, 500, (error as Error).message);
      });
    });
  }

  /**
   * Listens on `port`, or, where that is taken, on the next free one; 0: on any.
   * @throws InputError if none may be listened on; MachineError where all are taken, or the program was bundled without the page
   */
  static async open(port: number): Promise<PageServer> {
    const page = new PageServer();
    page.port = await page.listen(port);
    page.timer = setInterval(() => page.look(), LOOK);
    return page;
  }

  private async listen(first: number): Promise<number> {
    for (let port = first; ; port++) {
      const error = await new Promise<NodeJS.ErrnoException | null>((done) => {
        this.server.once('error', done);
        this.server.listen(port, HOST, () => {
          this.server.off('error', done);
          done(null);
        });
      });
      if (!error) return (this.server.address() as AddressInfo).port;
      if (error.code !== 'EADDRINUSE')
        throw new InputError(
          `port ${port} of ${HOST} cannot be listened on (${error.code}); give another, from 1024 on`,
        );
      if (port === Math.min(65_535, first + PORTS - 1))
        throw new MachineError(`ports ${first} to ${port} of ${HOST} are taken; give another`);
    }
  }

  /** The page's address, with the token. */
  get url(): string {
    return `http://${HOST}:${this.port}/?token=${this.token}`;
  }

  /** Shows one more run. */
  watch({ dir, name }: NamedRun): void {
    const reader = new RunReader(dir, name, `r${this.readers.length}`);
    reader.look();
    this.readers.push(reader);
  }

  /** Tells pages what is new and that the program ends, and closes. */
  async close(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    this.streams.end(this.changes() + eventText('end', {}));
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeIdleConnections();
    const late = setTimeout(() => this.server.closeAllConnections(), 200);
    await closed;
    clearTimeout(late);
  }

  /** What has changed in the folders, as events. */
  private changes(): string {
    return this.readers.flatMap((reader) => reader.look().map((event) => eventText('run', event))).join('');
  }

  /** Tells all streams what has changed, and now and then that somebody is there. */
  private look(): void {
    if (this.streams.size > 0) this.tell(performance.now() - this.told > SILENT ? ': \n\n' : '');
  }

  private tell(before = ''): void {
    const text = before + this.changes();
    if (text === '') return;
    this.told = performance.now();
    this.streams.send(text);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (!this.isOurs(request.headers.host)) return refuse(response, 403, `expected the host ${HOST}:${this.port}`);
    const url = URL.canParse(request.url ?? '', `http://${HOST}`) ? new URL(request.url ?? '', `http://${HOST}`) : null;
    if (!url || !this.isToken(url.searchParams.get('token')))
      return refuse(response, 403, 'open the link that the program printed: it ends in a token');
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      return refuse(response, 405, 'expected GET');
    }
    const [, id, row] = /^\/picture\/([^/]+)\/(\d{1,9})$/.exec(url.pathname) ?? [];
    if (url.pathname === '/') {
      response.setHeader('content-security-policy', this.policy);
      send(response, 'text/html; charset=utf-8', this.html);
    } else if (url.pathname === '/runs') {
      this.tell();
      send(response, 'application/json', JSON.stringify(this.readers.map(({ run }) => run)));
    } else if (url.pathname === '/events') {
      if (!this.streams.add(response)) refuse(response, 503, 'too many pages are open');
    } else if (id !== undefined) await this.picture(response, id, Number(row));
    else refuse(response, 404, 'there is nothing here');
  }

  private async picture(response: ServerResponse, id: string, row: number): Promise<void> {
    const reader = this.readers.find(({ run }) => run.id === id);
    // A few at a time: a photograph may take hundreds of megabytes while it is decoded.
    const [first, ...others] = this.decoding;
    const work = first.then(() => (reader && !response.destroyed ? pictureOf(reader.run, row, SIDE) : null));
    this.decoding = [...others, work.catch(() => {})];
    const jpeg = await work;
    if (jpeg) send(response, 'image/jpeg', jpeg);
    else refuse(response, 404, 'there is no such picture');
  }

  /** A page of another name that leads here (DNS rebinding) is a stranger's. */
  private isOurs(host: string | undefined): boolean {
    return [HOST, 'localhost', '[::1]'].some((name) => host?.toLowerCase() === `${name}:${this.port}`);
  }

  private isToken(given: string | null): boolean {
    const [a, b] = [given ?? '', this.token].map((text) => Buffer.from(text));
    return a.length === b.length && timingSafeEqual(a, b);
  }
}

function send(response: ServerResponse, type: string, content: string | Buffer): void {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(content) });
  response.end(content);
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${why}\n`);
}
