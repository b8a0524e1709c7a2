/** LNet under Lustre's own traffic. What the file system says is taken from the capture; how LNet carries it is ours. */
import { answersAsTheKernelDid } from './same-answers.ts';

const SERVER = '10.77.0.11@tcp';
const CLIENT = '10.77.0.12@tcp';
const OTHER_CLIENT = '10.77.0.13@tcp';

/** Capture, NID whose place we take, frames of the kernel there to compare with. */
const ROLES = [
  ['fs-mount-ls-umount', SERVER, 31],
  ['fs-mount-ls-umount', CLIENT, 31],
  ['fs-io', SERVER, 266],
  ['fs-io', CLIENT, 356],
  ['fs-two-clients', SERVER, 207],
  ['fs-two-clients', CLIENT, 101],
  ['fs-two-clients', OTHER_CLIENT, 121],
  ['fs-resend', SERVER, 210],
  ['fs-resend', CLIENT, 143],
  ['fs-evict', SERVER, 412],
  ['fs-evict', CLIENT, 207],
  ['fs-evict', OTHER_CLIENT, 182],
] as const;

for (const [capture, nid, compared] of ROLES) {
  // The nodes had met before these captures began.
  const knows = [SERVER, CLIENT, OTHER_CLIENT].filter((other) => other !== nid);
  answersAsTheKernelDid(
    `${capture} over our node, as ${nid}`,
    { capture, nids: [nid], knows, informed: knows },
    compared,
  );
}
