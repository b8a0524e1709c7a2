/** Portals of Lustre: ptlrpc §2.2. */
export const OSC_REPLY_PORTAL = 4;
export const OST_IO_PORTAL = 6;
export const OST_CREATE_PORTAL = 7;
export const OST_BULK_PORTAL = 8;
export const MDC_REPLY_PORTAL = 10;
export const MDS_REQUEST_PORTAL = 12;
export const MDS_IO_PORTAL = 13;
export const MDS_BULK_PORTAL = 14;
export const LDLM_CB_REQUEST_PORTAL = 15;
export const LDLM_CB_REPLY_PORTAL = 16;
export const LDLM_CANCEL_REQUEST_PORTAL = 17;
export const LDLM_CANCEL_REPLY_PORTAL = 18;
export const MDS_READPAGE_PORTAL = 23;
export const OUT_PORTAL = 24;
export const MGC_REPLY_PORTAL = 25;
export const MGS_REQUEST_PORTAL = 26;
export const OST_REQUEST_PORTAL = 28;
export const FLD_REQUEST_PORTAL = 29;
export const SEQ_METADATA_PORTAL = 30;
export const SEQ_DATA_PORTAL = 31;
export const SEQ_CONTROLLER_PORTAL = 32;
export const MGS_BULK_PORTAL = 33;

/** On which portal the service behind a request portal answers. */
export const REPLY_PORTAL_OF: ReadonlyMap<number, number> = new Map([
  [MDS_REQUEST_PORTAL, MDC_REPLY_PORTAL],
  [MDS_IO_PORTAL, MDC_REPLY_PORTAL],
  [MDS_READPAGE_PORTAL, MDC_REPLY_PORTAL],
  [FLD_REQUEST_PORTAL, MDC_REPLY_PORTAL],
  [SEQ_METADATA_PORTAL, MDC_REPLY_PORTAL],
  [SEQ_CONTROLLER_PORTAL, MDC_REPLY_PORTAL],
  [OST_REQUEST_PORTAL, OSC_REPLY_PORTAL],
  [OST_IO_PORTAL, OSC_REPLY_PORTAL],
  [OST_CREATE_PORTAL, OSC_REPLY_PORTAL],
  [SEQ_DATA_PORTAL, OSC_REPLY_PORTAL],
  [OUT_PORTAL, OSC_REPLY_PORTAL],
  [MGS_REQUEST_PORTAL, MGC_REPLY_PORTAL],
  [LDLM_CB_REQUEST_PORTAL, LDLM_CB_REPLY_PORTAL],
  [LDLM_CANCEL_REQUEST_PORTAL, LDLM_CANCEL_REPLY_PORTAL],
]);

/** Where bulk goes. */
export const BULK_PORTALS: ReadonlySet<number> = new Set([OST_BULK_PORTAL, MDS_BULK_PORTAL, MGS_BULK_PORTAL]);

const REPLY_PORTALS: ReadonlySet<number> = new Set(REPLY_PORTAL_OF.values());

/** Whether replies arrive on this portal. */
export function isReplyPortal(portal: number): boolean {
  return REPLY_PORTALS.has(portal);
}
