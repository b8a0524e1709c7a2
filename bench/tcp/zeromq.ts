import { loadPeerPackage } from '../harness/peer-package.ts';

/** The part of zeromq 6 that the comparison uses. It lives in `bench/peers`, so its own types are not at hand. */
export interface ZeromqPackage {
  readonly Push: new () => {
    bind(address: string): Promise<void>;
    send(message: Uint8Array): Promise<void>;
    readonly lastEndpoint: string | null;
  };
  readonly Pull: new () => {
    connect(address: string): void;
    receive(): Promise<Uint8Array[]>;
    close(): void;
  };
}

export function loadZeromq(): ZeromqPackage {
  return loadPeerPackage('zeromq') as ZeromqPackage;
}
