import { BATCH_HEAD, BUT_HEADER } from '../ptlrpc/wire/batch.ts';
import type { BufferList } from '../ptlrpc/wire/buffer-list.ts';
import { RPC_FORMATS } from '../ptlrpc/wire/formats.ts';
import { LUSTRE_MSG } from '../ptlrpc/wire/message-header.ts';
import { PTLRPC_BODY, PTLRPC_BODY_V2 } from '../ptlrpc/wire/ptlrpc-body.ts';
import type { RpcFormat } from '../ptlrpc/wire/rpc-format.ts';
import { OBD_CONNECT_DATA } from '../ptlrpc/wire/struct/connect-data.ts';
import { LU_DIRENT, LU_DIRPAGE } from '../ptlrpc/wire/struct/dir-page.ts';
import { LU_FID, LU_SEQ_RANGE, OST_ID } from '../ptlrpc/wire/struct/fid.ts';
import * as layoutEa from '../ptlrpc/wire/struct/layout-ea.ts';
import * as ldlm from '../ptlrpc/wire/struct/ldlm.ts';
import * as llog from '../ptlrpc/wire/struct/llog.ts';
import { CLOSE_DATA, MDT_BODY, MDT_IOEPOCH } from '../ptlrpc/wire/struct/mdt-body.ts';
import * as mdtRec from '../ptlrpc/wire/struct/mdt-rec.ts';
import * as mgs from '../ptlrpc/wire/struct/mgs.ts';
import { NIOBUF_REMOTE, OBD_IOOBJ, OBD_STATFS, OBDO } from '../ptlrpc/wire/struct/obdo.ts';
import * as server from '../ptlrpc/wire/struct/server-body.ts';
import type { WirePage } from './wire-page.ts';

/** Pages of docs/wire on the records of RPCs. */
export const PTLRPC_PAGES: readonly WirePage[] = [
  {
    file: 'ptlrpc-message.md',
    title: 'RPC message',
    intro:
      'What a PUT to a request or reply portal carries: header, lengths of the buffers, and the buffers, each padded to 8 bytes. ' +
      'In the byte order of its sender, which the magic 0x0bd00bd3 tells; cookies are never swapped.',
    entries: [
      { layout: LUSTRE_MSG, note: 'Once, at offset 0; `bufcount` lengths of 4 bytes follow, padded to 8.' },
      { layout: PTLRPC_BODY, note: 'Buffer 0.' },
      { layout: PTLRPC_BODY_V2, note: 'What an older peer sends in its place.' },
      {
        layout: OBD_CONNECT_DATA,
        note: 'In CONNECT requests and replies; a shorter one reads as zero behind its end.',
      },
    ],
  },
  {
    file: 'ptlrpc-mds.md',
    title: 'Metadata records',
    intro: 'Buffers of requests to metadata targets. The records of MDS_REINT have one size and begin alike.',
    entries: [
      { layout: LU_FID, note: 'Inside other records.' },
      { layout: MDT_BODY, note: 'In most requests and replies.' },
      { layout: mdtRec.MDT_REC_REINT, note: 'What all records of MDS_REINT share.' },
      { layout: mdtRec.MDT_REC_CREATE, note: 'Create and open.' },
      { layout: mdtRec.MDT_REC_SETATTR, note: 'Setattr and close.' },
      { layout: mdtRec.MDT_REC_UNLINK, note: 'Unlink.' },
      { layout: mdtRec.MDT_REC_LINK, note: 'Link.' },
      { layout: mdtRec.MDT_REC_RENAME, note: 'Rename and migrate.' },
      { layout: mdtRec.MDT_REC_SETXATTR, note: 'Setxattr.' },
      { layout: MDT_IOEPOCH, note: 'Close.' },
      { layout: CLOSE_DATA, note: 'Close with intent.' },
      { layout: LU_DIRPAGE, note: 'At the start of each 4096 bytes of a directory, in bulk. Always little-endian.' },
      { layout: LU_DIRENT, note: 'One name; the name follows, padded to 2, then the type. Always little-endian.' },
      { layout: BUT_HEADER, note: 'A batch; as seen in captures of 2.17.' },
      { layout: BATCH_HEAD, note: 'Before the sub-messages of a batch and of its reply; as seen in captures of 2.17.' },
    ],
  },
  {
    file: 'ptlrpc-layout.md',
    title: 'Layouts of files and directories',
    intro: 'Extended attributes that say where the data of a file is. Always little-endian.',
    entries: [
      { layout: layoutEa.LOV_MDS_MD_V1, note: 'A plain file; its objects follow.' },
      { layout: layoutEa.LOV_MDS_MD_V3, note: 'The same with a pool.' },
      { layout: layoutEa.LMM_OI, note: 'The file that a layout belongs to.' },
      { layout: layoutEa.LOV_OST_DATA_V1, note: 'One object.' },
      { layout: layoutEa.LOV_COMP_MD_V1, note: 'A composite; its entries follow.' },
      { layout: layoutEa.LOV_COMP_MD_ENTRY_V1, note: 'One component.' },
      { layout: layoutEa.LMV_MDS_MD_V1, note: 'A striped directory; the FIDs of its stripes follow.' },
      { layout: layoutEa.LMV_USER_MD, note: 'The default of a directory.' },
    ],
  },
  {
    file: 'ptlrpc-ldlm.md',
    title: 'Lock records',
    intro: 'Buffers of requests to the lock manager, and of its callbacks.',
    entries: [
      { layout: ldlm.LDLM_REQUEST, note: 'Handles follow, two at least.' },
      { layout: ldlm.LDLM_REPLY, note: 'Answer.' },
      { layout: ldlm.LDLM_LOCK_DESC, note: 'Inside both.' },
      { layout: ldlm.LDLM_RESOURCE_DESC, note: 'Inside that.' },
      {
        layout: ldlm.LDLM_POLICY,
        note: 'Extent: start, end, gid. Flock: start, end, owner, –, pid. Inode bits: bits, bits to try, gid, –, initiator.',
      },
      { layout: ldlm.LDLM_RES_ID, note: 'Name of a resource by itself.' },
      { layout: ldlm.LDLM_INTENT, note: 'What an enqueue is to do at the same time.' },
      { layout: ldlm.LAYOUT_INTENT, note: 'Of an IT_LAYOUT.' },
      { layout: ldlm.OST_LVB, note: 'What the server of an object knows of it.' },
    ],
  },
  {
    file: 'ptlrpc-ost.md',
    title: 'Object records',
    intro: 'Buffers of requests to object targets.',
    entries: [
      { layout: OBDO, note: 'Attributes; an ost_body is one of these.' },
      { layout: OST_ID, note: 'Inside other records.' },
      { layout: OBD_IOOBJ, note: 'The object of a read or write.' },
      { layout: NIOBUF_REMOTE, note: 'One extent.' },
      { layout: OBD_STATFS, note: 'Space of a target, of metadata targets also.' },
    ],
  },
  {
    file: 'ptlrpc-mgs.md',
    title: 'Configuration records',
    intro: 'Buffers of requests to the MGS, and what stands in configuration logs. Logs are always little-endian.',
    entries: [
      { layout: mgs.MGS_CONFIG_BODY, note: 'Which table is wanted.' },
      { layout: mgs.MGS_CONFIG_RES, note: 'How much of it came.' },
      { layout: mgs.MGS_NIDTBL_ENTRY, note: 'One target in the table, in bulk; its NIDs follow.' },
      { layout: mgs.MGS_TARGET_INFO, note: 'A target that registers.' },
      { layout: llog.LLOGD_BODY, note: 'A position in a log.' },
      { layout: llog.LLOG_LOGID, note: 'Inside that.' },
      { layout: llog.LLOG_LOG_HDR, note: 'The first block of a log.' },
      { layout: llog.LLOG_REC_HDR, note: 'Before each record.' },
      { layout: llog.LLOG_REC_TAIL, note: 'After each record.' },
      { layout: llog.LUSTRE_CFG, note: 'A configuration command.' },
      { layout: llog.CFG_MARKER, note: 'Begins and ends a group of commands.' },
      { layout: llog.LOV_DESC, note: 'In the set-up of a lov.' },
      { layout: llog.LMV_DESC, note: 'In the set-up of an lmv.' },
    ],
  },
  {
    file: 'ptlrpc-server.md',
    title: 'Records between servers',
    intro: 'Buffers of requests that servers send each other. Of some only the size is known.',
    entries: [
      { layout: LU_SEQ_RANGE, note: 'Of SEQ_QUERY and FLD_QUERY.' },
      { layout: server.IDX_INFO, note: 'Of OBD_IDX_READ.' },
      { layout: server.QUOTA_BODY, note: 'Of QUOTA_DQACQ and of quota intents.' },
      { layout: server.OBD_QUOTACTL, note: 'Of MDS_QUOTACTL and OST_QUOTACTL.' },
      { layout: server.LFSCK_REQUEST, note: 'Of LFSCK_NOTIFY and LFSCK_QUERY.' },
      { layout: server.LFSCK_REPLY, note: 'Of LFSCK_QUERY.' },
      { layout: server.HSM_PROGRESS, note: 'Of MDS_HSM_PROGRESS.' },
      { layout: server.HSM_REQUEST, note: 'Of MDS_HSM_REQUEST.' },
      { layout: server.HSM_USER_ITEM, note: 'Of MDS_HSM_REQUEST.' },
      { layout: server.HSM_USER_STATE, note: 'Of MDS_HSM_STATE_GET.' },
    ],
  },
];

/** File of the page on request formats. */
export const FORMATS_PAGE = { file: 'ptlrpc-requests.md', title: 'RPC requests' } as const;

function bufferText(list: BufferList): string {
  const parts = Object.entries(list).map(([name, kind], i) => {
    const text = `${i + 1} ${name} (${kind.length})`;
    return kind.isOmittable ? `[${text}]` : kind.isOptional && kind.name !== 'retired' ? `${text}?` : text;
  });
  return parts.join(', ') || '–';
}

function portalText({ portal, otherPortals, bulkPortal }: RpcFormat): string {
  const others = otherPortals.length > 0 ? ` (${otherPortals.join(', ')})` : '';
  return `${portal ?? 'import'}${others}${bulkPortal === undefined ? '' : `, bulk ${bulkPortal}`}`;
}

/** The table of all requests. */
export function formatsText(): string {
  const rows = RPC_FORMATS.map((format) => {
    const name = format.isModifying ? `${format.name} **P**` : format.name;
    const version = `0x${format.version.toString(16)}`;
    return `| ${format.opc} | ${name} | ${portalText(format)} | ${version} | ${bufferText(format.request)} | ${bufferText(format.reply)} |`;
  });
  return [
    `# ${FORMATS_PAGE.title}`,
    'Buffers after the body, which is buffer 0 of every message, with their lengths in bytes. `?` may be empty; `[ ]` is left ' +
      'out when there is nothing in it; length 0 is a buffer that lost its use and keeps its place. **P** changes something, so ' +
      'that its reply carries a transno. Portals in brackets are seen too; "import" is that of the connection.',
    'Described in [ptlrpc](../spec/ptlrpc.md) §10 and [mds-ost](../spec/mds-ost.md) §2.',
    [
      '| opcode | request | portal | version | buffers of the request | buffers of the reply |',
      '|---:|---|---|---|---|---|',
      ...rows,
    ].join('\n'),
  ].join('\n\n');
}
