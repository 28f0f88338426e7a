// The socket of MPICH's launcher: whether it is there, and what is written into it.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endAllByLauncher, isPassedOn } from '../../src/ranks/pmi';
import { given } from '../given';

test('what is no socket is not the launcher, and nothing is written into it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-pmi-'));
  const file = openSync(join(dir, 'file'), 'w');
  try {
    for (const fd of [String(file), '987654', 'none']) {
      assert.is(isPassedOn(fd), false, fd);
      assert.is(endAllByLauncher(1, fd), false, fd);
    }
    assert.is(readFileSync(join(dir, 'file'), 'utf8'), '');
  } finally {
    closeSync(file);
    rmSync(dir, { recursive: true });
  }
  const { PMI_FD } = process.env;
  delete process.env.PMI_FD;
  assert.is(isPassedOn(), true, 'where there is no such launcher, nothing is missing');
  assert.is(endAllByLauncher(1), false, 'and nobody hears');
  if (PMI_FD !== undefined) process.env.PMI_FD = PMI_FD;
});

given(
  test,
  process.platform !== 'win32',
  'sockets that are files',
)('a socket gets one line with the exit code', async () => {
  const heard = new Promise<string>((done) => {
    const server = createServer((socket) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => done(text));
    }).listen(0, '127.0.0.1', async () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      await new Promise((open) => socket.once('connect', open));
      const { fd } = (socket as Socket & { _handle: { fd: number } })._handle;
      assert.is(isPassedOn(String(fd)), true);
      assert.is(endAllByLauncher(130, String(fd)), true);
      socket.end();
      server.close();
    });
  });
  assert.is(await heard, 'cmd=abort exitcode=130\n');
});

test.run();
