/** Peers that the node connects to and that are not what it hoped for. */
import test from 'ava';
import { createServer, type Server, type Socket } from 'node:net';
import { ECONNREFUSED, ECONNRESET, EIO, EPROTO, ETIMEDOUT } from '../../lnet/errno.ts';
import { LNET_MSG_REPLY } from '../../lnet/wire/lnet-hdr.ts';
import type { Hello } from '../../nals/tcp/wire/hello.ts';
import { Arena } from './arena.ts';
import { hello, message } from './frames.ts';
import { TIMEOUT_S } from './victim-protocol.ts';

const BLOCK = 34;
const PING_MS = 3_500;
const LATE_MS = 2_000;
const CONTROL = 1;
const NONE = 0xffffffff;

let arena: Arena;
test.before(async () => {
  arena = await Arena.open(BLOCK);
});
test.after.always(() => arena?.close());

/** What a listener does with one connection once it has the whole greeting, whose connection type is given. */
type Conduct = (socket: Socket, own: string, type: number) => void;

interface Case {
  readonly what: string;
  readonly conduct: Conduct;
  /** How the node's ping may end. */
  readonly errnos: readonly number[];
  /** Counter that must have named it. */
  readonly counter?: string;
  readonly withinMs?: number;
}

const MIRRORED = [0, 1, 3, 2];

function answer(socket: Socket, own: string, type: number, changes: Partial<Hello> = {}): void {
  socket.write(hello(own, arena.nid, MIRRORED[type] ?? 0, changes));
}

/** Answers every connection as a good peer; messages on the first one get what this gives. */
const answeringWith =
  (reply: (own: string, handle: { interfaceCookie: bigint; objectCookie: bigint }) => Uint8Array | null): Conduct =>
  (socket, own, type) => {
    answer(socket, own, type);
    socket.on('data', (bytes: Buffer) => {
      // A ping, whole, as the first thing on the connection: header of socklnd, then handle at 32 of the LNet header.
      if (bytes.length < 24 + 72 || bytes.readUInt32LE(24 + 24) !== 2) return;
      const handle = {
        interfaceCookie: bytes.readBigUInt64LE(24 + 32),
        objectCookie: bytes.readBigUInt64LE(24 + 40),
      };
      const given = reply(own, handle);
      if (given) socket.write(given);
      else socket.destroy();
    });
  };

const replying = (payload: Uint8Array, payloadLength = payload.length): Conduct =>
  answeringWith((own, handle) =>
    message({ from: own, to: arena.nid, type: LNET_MSG_REPLY, payload, payloadLength, ...handle }),
  );

const pingInfo = (...words: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, i * 4));
  return bytes;
};

const MAGIC = 0x70696e67;
const FEATURES = 0x1e;
const LOOPBACK = [0, 0x90000, 1, 0];

const CASES: readonly Case[] = [
  { what: 'closes at once', conduct: (socket) => socket.destroy(), errnos: [-ECONNRESET], counter: 'dial_closed' },
  {
    what: 'says nothing',
    conduct: () => {},
    errnos: [-ETIMEDOUT],
    counter: 'dial_timeout',
    withinMs: TIMEOUT_S * 1000,
  },
  {
    what: 'says half of a HELLO',
    conduct: (socket, own) => socket.write(hello(own, arena.nid, CONTROL).subarray(0, 30)),
    errnos: [-ETIMEDOUT],
    counter: 'dial_timeout',
    withinMs: TIMEOUT_S * 1000,
  },
  {
    what: 'is a web server',
    conduct: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    errnos: [-EPROTO],
    counter: 'dial_bad_reply',
  },
  {
    what: 'answers the request with its version',
    conduct: (socket) => socket.end(Buffer.from('0071ceac010000000000000000000000', 'hex')),
    errnos: [-EPROTO],
    counter: 'dial_bad_reply',
  },
  {
    what: 'speaks an unknown version',
    conduct: (socket, own) => {
      const bytes = hello(own, arena.nid, CONTROL);
      bytes.writeUInt32LE(9, 4);
      socket.write(bytes);
    },
    errnos: [-EPROTO],
    counter: 'dial_bad_reply',
  },
  {
    what: 'is another NID',
    conduct: (socket, _own, type) => answer(socket, '192.0.2.77@tcp', type),
    errnos: [-EPROTO],
    counter: 'dial_wrong_peer',
  },
  {
    what: 'is another process',
    conduct: (socket, own, type) => answer(socket, own, type, { srcPid: 4711 }),
    errnos: [-EPROTO],
    counter: 'dial_wrong_peer',
  },
  {
    what: 'answers with another type',
    conduct: (socket, own) => socket.write(hello(own, arena.nid, 0)),
    errnos: [-EPROTO],
    counter: 'dial_wrong_type',
  },
  {
    what: 'says "not this time" for ever',
    conduct: (socket, own) => socket.end(hello(own, arena.nid, NONE)),
    errnos: [-ETIMEDOUT],
    counter: 'dial_lost_race',
    withinMs: TIMEOUT_S * 1000 + 1000,
  },
  {
    what: 'asks for another version each time',
    conduct: (() => {
      let count = 0;
      return (socket: Socket, own: string): void => {
        socket.end(hello(own, arena.nid, NONE, { version: (count++ & 1) === 0 ? 2 : 3 }));
      };
    })(),
    errnos: [-EPROTO],
    counter: 'dial_other_version',
  },
  {
    what: 'is another incarnation on each connection',
    conduct: (() => {
      let incarnation = 1n;
      return (socket: Socket, own: string, type: number): void =>
        answer(socket, own, type, { srcIncarnation: incarnation++ });
    })(),
    errnos: [-EIO, -ETIMEDOUT],
  },
  {
    what: 'closes after the handshake',
    conduct: (socket, own, type) => {
      answer(socket, own, type);
      socket.end();
    },
    errnos: [-EIO, -ECONNRESET, -ETIMEDOUT],
  },
  { what: 'closes when it is pinged', conduct: answeringWith(() => null), errnos: [-ETIMEDOUT] },
  { what: 'answers no ping', conduct: (socket, own, type) => answer(socket, own, type), errnos: [-ETIMEDOUT] },
  {
    what: 'answers with noise',
    conduct: answeringWith(() => Buffer.alloc(1000, 0xa5)),
    errnos: [-ETIMEDOUT],
    counter: 'broken_message_type',
  },
  {
    what: 'answers with a REPLY of -1 bytes',
    conduct: replying(Buffer.alloc(0), 0xffffffff),
    errnos: [-ETIMEDOUT],
    counter: 'broken_message',
  },
  { what: 'answers with nothing', conduct: replying(Buffer.alloc(0)), errnos: [-EPROTO] },
  { what: 'answers with 1 MiB', conduct: replying(Buffer.alloc(1 << 20, 0x70)), errnos: [-EPROTO] },
  {
    what: 'answers with ping info that is cut',
    conduct: replying(pingInfo(MAGIC, FEATURES, 12345, 5, ...LOOPBACK)),
    errnos: [-EPROTO],
  },
  {
    what: 'claims 2^32 - 1 NIDs',
    conduct: replying(pingInfo(MAGIC, FEATURES, 12345, -1, ...LOOPBACK)),
    errnos: [-EPROTO],
  },
  {
    what: 'claims 4 GiB of large NIDs',
    conduct: replying(pingInfo(MAGIC, FEATURES | 0x20, 12345, 1, 0, 0x90000, 1, -1)),
    errnos: [-EPROTO],
  },
  {
    what: 'answers a ping of somebody else',
    conduct: answeringWith((own, { interfaceCookie }) =>
      message({ from: own, to: arena.nid, type: LNET_MSG_REPLY, interfaceCookie, objectCookie: 9n }),
    ),
    errnos: [-ETIMEDOUT],
  },
];

interface Listener {
  readonly nid: string;
  readonly server: Server;
  readonly sockets: Set<Socket>;
  connections: number;
}

/** Listens as a NID; reads request and HELLO, then leaves the connection to the conduct. */
async function listen(conduct: Conduct): Promise<Listener> {
  const address = arena.nextAddress();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    listener.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let greeting: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      greeting = Buffer.concat([greeting, chunk]);
      if (greeting.length < 16 + 56) return;
      socket.off('data', read);
      conduct(socket, `${address}@tcp`, greeting.readUInt32LE(16 + 48));
      if (greeting.length > 16 + 56) socket.emit('data', greeting.subarray(16 + 56));
    };
    socket.on('data', read);
    // Whoever only listens keeps reading.
    socket.on('data', () => {});
  });
  const listener: Listener = { nid: `${address}@tcp`, server, sockets, connections: 0 };
  await new Promise<void>((resolve) => server.listen({ host: address, port: arena.place.port }, resolve));
  return listener;
}

/** Connections that one ping may cost: three types, and a few repetitions. */
const CONNECTIONS_MAX = 8;

test.serial(
  'whatever is at the other end, a ping ends in time with a reason, and is not repeated without end',
  async (t) => {
    const listeners: Listener[] = [];
    t.teardown(() => {
      for (const { server, sockets } of listeners) {
        server.close();
        for (const socket of sockets) socket.destroy();
      }
    });
    const tally = await arena.withstand(t, async () => {
      await Promise.all(
        CASES.map(async ({ what, conduct, errnos, withinMs = PING_MS }) => {
          const listener = await listen(conduct);
          listeners.push(listener);
          const { errno, ms } = await arena.victim.ping(listener.nid, PING_MS);
          t.true(errnos.includes(errno), `${what}: ended with ${errno}`);
          t.true(ms < withinMs + LATE_MS, `${what}: took ${ms} ms`);
          t.true(listener.connections <= CONNECTIONS_MAX, `${what}: ${listener.connections} connections`);
        }),
      );
      const nobody = await arena.victim.ping(`${arena.nextAddress()}@tcp`, PING_MS);
      t.is(nobody.errno, -ECONNREFUSED);
      for (const { sockets } of listeners) for (const socket of sockets) socket.destroy();
      return CASES.length + 1;
    });
    t.log(JSON.stringify(tally.endings));
    for (const { what, counter } of CASES) if (counter) t.true(tally.tcp(counter) > 0, `${what}: ${counter}`);
  },
);
