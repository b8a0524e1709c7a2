import { answersAsTheKernelDid, answersAsTheKernelsDid } from './same-answers.ts';

const ROUTER = '10.77.0.12';

answersAsTheKernelsDid(
  'S32: `lnetctl ping <our NID>` succeeds with our node as acceptor; our ping of the kernel NID succeeds as connector.',
  [
    { role: { capture: 'ping-discover', nids: ['10.77.0.12@tcp'] }, compared: 7 },
    { role: { capture: 'ping-discover', nids: ['10.77.0.11@tcp'] }, compared: 10 },
  ],
);
answersAsTheKernelDid('lnet_selftest over our node: as its console', { capture: 'lst', nids: ['10.77.0.11@tcp'] }, 50);
answersAsTheKernelDid('lnet_selftest over our node: as its client', { capture: 'lst', nids: ['10.77.0.12@tcp'] }, 246);
answersAsTheKernelDid('lnet_selftest over our node: as its server', { capture: 'lst', nids: ['10.77.0.13@tcp'] }, 358);
answersAsTheKernelDid(
  'a node that reaches another net through a router',
  {
    capture: 'router',
    nids: ['10.77.0.11@tcp'],
    routes: { tcp1: `${ROUTER}@tcp` },
    kernelNids: { [ROUTER]: [`${ROUTER}@tcp`, `${ROUTER}@tcp1`] },
  },
  18,
);
answersAsTheKernelDid(
  'a node that is reached through a router',
  {
    capture: 'router',
    nids: ['10.77.0.13@tcp1'],
    routes: { tcp: `${ROUTER}@tcp1` },
    knows: ['10.77.0.11@tcp'],
    kernelNids: { [ROUTER]: [`${ROUTER}@tcp1`, `${ROUTER}@tcp`] },
  },
  21,
);
