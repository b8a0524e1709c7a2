/**
 * Writes the pages of docs/wire from the layouts in the code: `npm run docs`. A test fails when a page is not what this
 * makes. A new layout is added to {@link WIRE_PAGES} by hand.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { LNET_ACK, LNET_GET, LNET_HDR4, LNET_HDR16, LNET_PUT, LNET_REPLY } from '../lnet/wire/lnet-hdr.ts';
import { PING_INFO, PING_NI_LARGE_STATUS, PING_NI_STATUS } from '../lnet/wire/ping-info.ts';
import { CONNREQ_V1, CONNREQ_V2 } from '../nals/tcp/wire/connreq.ts';
import { HELLO_V1, HELLO_V3, HELLO_V4 } from '../nals/tcp/wire/hello.ts';
import { KSOCK_MSG } from '../nals/tcp/wire/message-header.ts';
import {
  UDP_ACK,
  UDP_ACK_RANGE,
  UDP_CLOSE,
  UDP_DATA,
  UDP_FRAME,
  UDP_OPEN,
  UDP_PACKET,
  UDP_RECORD,
  UDP_REFUSE,
  UDP_RESET,
  UDP_RETRY,
  UDP_WINDOW,
} from '../nals/udp/wire.ts';
import { FORMATS_PAGE, formatsText, PTLRPC_PAGES } from './ptlrpc-pages.ts';
import type { Entry, WirePage } from './wire-page.ts';

/** Every page and every layout on it. */
export const WIRE_PAGES: readonly WirePage[] = [
  {
    file: 'lnet-hdr.md',
    title: 'LNet header',
    intro:
      'Before every message. Its two forms differ in the size of NIDs; which one a link uses is what its handshake agreed on. ' +
      'The 40 bytes after the common part depend on the type: 0 ACK, 1 PUT, 2 GET, 3 REPLY. Always little-endian.',
    entries: [
      { layout: LNET_HDR4, note: 'Form with 4-byte addresses. The union follows at offset 32: 72 bytes in all.' },
      { layout: LNET_HDR16, note: 'Form with large NIDs. The union follows at offset 56: 96 bytes in all.' },
      { layout: LNET_PUT, note: 'Union of a PUT. A handle of all ones asks for no ACK.' },
      { layout: LNET_GET, note: 'Union of a GET.' },
      { layout: LNET_ACK, note: 'Union of an ACK: handle and match bits as in the PUT.' },
      { layout: LNET_REPLY, note: 'Union of a REPLY: handle as in the GET.' },
    ],
  },
  {
    file: 'ping-info.md',
    title: 'Ping info',
    intro:
      'What a node tells about itself, in the reply to a ping and in a push. In the byte order of its sender, which the magic ' +
      'tells; large NIDs are never swapped.',
    entries: [
      { layout: PING_INFO, note: 'Once, at offset 0. Magic 0x70696e67.' },
      {
        layout: PING_NI_STATUS,
        note: '`nnis` times from offset 16. Entry 0 is 0@lo, with the sequence number as status and, when large entries follow, the total length as `msgSize`.',
      },
      {
        layout: PING_NI_LARGE_STATUS,
        note: 'Behind those, up to the total length. Shown with 16 address bytes: the NID is cut to 8 + `nid_size` bytes, the entry padded to a multiple of 4.',
      },
    ],
  },
  {
    file: 'connreq.md',
    title: 'Connection request (TCP)',
    intro:
      'The first bytes of a connector: which NID of the node it wants. In its own byte order, which the magic 0xacce7100 tells.',
    entries: [
      {
        layout: CONNREQ_V1,
        note: 'Version 1, for a NID with a 4-byte address; with NID 0 the answer to an unknown version.',
      },
      { layout: CONNREQ_V2, note: 'Version 2, for a large NID.' },
    ],
  },
  {
    file: 'hello.md',
    title: 'HELLO (TCP)',
    intro:
      'What both ends of a connection send first, the connector before the acceptor. In the byte order of its sender, which the ' +
      'magic 0x45726963 tells and which holds for all framing that follows.',
    entries: [
      {
        layout: HELLO_V3,
        note: 'Version 2 and 3. `nips` IPv4 addresses of 4 bytes follow, at most 16; always sent as 0.',
      },
      { layout: HELLO_V4, note: 'Version 4. Nothing follows.' },
      {
        layout: HELLO_V1,
        note: 'Version 1, always little-endian. Magic 0xeebc0ded; `payloadLength` bytes of addresses follow.',
      },
    ],
  },
  {
    file: 'socklnd-header.md',
    title: 'Message header (TCP)',
    intro:
      'Before every message of a connection of version 2, 3 or 4. For type 0xc1 an LNet header and the payload follow; type 0xc0 stands alone.',
    entries: [
      { layout: KSOCK_MSG, note: 'In the byte order of the HELLO on the same connection; always sent little-endian.' },
    ],
  },
  {
    file: 'udp.md',
    title: 'LNet over UDP',
    intro: 'Packets and frames between nodes of this package on nets of type udp, version 1. Always little-endian.',
    entries: [
      { layout: UDP_PACKET, note: 'Head of every packet.' },
      { layout: UDP_OPEN, note: 'Behind it in INIT and ACCEPT; `tokenBytes` bytes of token follow.' },
      { layout: UDP_RETRY, note: 'Behind it in RETRY; `tokenBytes` bytes of token follow.' },
      { layout: UDP_REFUSE, note: 'Behind it in REFUSE; `versions` bytes follow, a version each.' },
      { layout: UDP_RESET, note: 'Behind it in RESET: the start of the packet that provoked it.' },
      { layout: UDP_FRAME, note: 'Before each frame of a DATA packet; `bodyBytes` bytes follow.' },
      { layout: UDP_ACK, note: 'Body of ACK; ranges follow to its end.' },
      { layout: UDP_ACK_RANGE, note: 'Up to 31 times in an ACK, downwards.' },
      { layout: UDP_DATA, note: 'Start of the body of DATA; bytes of the stream follow.' },
      { layout: UDP_WINDOW, note: 'Body of WINDOW.' },
      { layout: UDP_CLOSE, note: 'Body of CLOSE.' },
      { layout: UDP_RECORD, note: 'In the stream, before the LNet header of each message.' },
    ],
  },
  ...PTLRPC_PAGES,
];

const FRESH = '<!-- Made from the code by `npm run docs`; a change here is lost. -->';

function layoutSection({ layout, note }: Entry): string {
  const offsets: Readonly<Record<string, number>> = layout.at;
  const rows = Object.entries(layout.fields).map(([name, kind]) => {
    const shown = kind.isUnused ? '–' : `\`${name}\``;
    return `| ${offsets[name]} | ${kind.size} | ${shown} | ${kind.isUnused ? 'unused' : kind.name} |`;
  });
  const [document = '', section = ''] = layout.source.split(' ');
  return [
    `## \`${layout.name}\`, ${layout.size} bytes`,
    '',
    `${note} Described in [${document}](../spec/${document}.md) ${section}.`,
    '',
    '| offset | size | field | kind |',
    '|---:|---:|---|---|',
    ...rows,
  ].join('\n');
}

const README = `${FRESH}

# Layouts on the wire

Made from the tables in the code, which encode and decode with them; a test fails when they differ.

${[...WIRE_PAGES, FORMATS_PAGE].map((page) => `- [${page.title}](${page.file})`).join('\n')}

| kind | meaning |
|---|---|
| u8, u16, u32, u64 | unsigned integer, in the byte order of the record |
| nid4 | NID with a 4-byte address as a u64: type in bits 55..48, number in 47..32, address in 31..0 |
| nid16 | large NID, 20 bytes, network order whatever the record's: address bytes minus 4, type, number (2), address (16) |
| s32, s64 | signed integer, in the byte order of the record |
| cookie | u64 that is never swapped: echoed as it came |
| text[n] | characters, ended by NUL when there are fewer, padded with NUL |
| x[n] | n values of kind x |
| raw[n] | opaque bytes, echoed as they came |
| unused | sent as zero, ignored on receipt |
`;

/** Text of every page of docs/wire, by file name. */
export function wirePages(): ReadonlyMap<string, string> {
  const pages = WIRE_PAGES.map(
    ({ file, title, intro, entries }) =>
      [file, `${[FRESH, `# ${title}`, intro, ...entries.map(layoutSection)].join('\n\n')}\n`] as const,
  );
  return new Map([['README.md', README], ...pages, [FORMATS_PAGE.file, `${FRESH}\n\n${formatsText()}\n`]]);
}

/** Where the pages stand. */
export const WIRE_FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'wire');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(WIRE_FOLDER, { recursive: true });
  for (const [file, text] of wirePages()) writeFileSync(join(WIRE_FOLDER, file), text);
}
