import type { CoreContext, OwnPingInfo } from '../core-context.ts';
import type { LocalNi } from '../local-ni.ts';
import type { Network } from '../network.ts';
import {
  encodePingInfo,
  LNET_PING_FEAT_DISCOVERY,
  LNET_PING_FEAT_MULTI_RAIL,
  LNET_PING_FEAT_NI_STATUS,
  LNET_PING_FEAT_RTE_DISABLED,
  makePingInfo,
} from '../wire/ping-info.ts';

/**
 * What this node tells about itself: lnet-semantics §10.1, lnet-wire §7. Bytes that are published stay as they are but for
 * statuses; a change of NIDs or features makes new ones with the next sequence number.
 */
export class NodePingInfo implements OwnPingInfo {
  readonly #core: CoreContext;
  readonly #network: Network;
  sequence = 0;
  bytes: Uint8Array = new Uint8Array(0);
  builtAt = 0;
  #isPublished = false;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** Publishes the first info. Until then {@link rebuild} does nothing. */
  start(): void {
    this.#isPublished = true;
    this.rebuild();
  }

  stop(): void {
    this.#isPublished = false;
  }

  rebuild(): void {
    if (!this.#isPublished) return;
    this.sequence++;
    this.builtAt = this.#core.clock.now();
    this.bytes = this.#encode();
    this.#network.pingTarget.publish(this.bytes);
    this.#network.discovery.ownInfoChanged();
  }

  /** The status of an NI changed by itself: its health reached 0 or is perfect again. */
  updateStatus(_ni: LocalNi): void {
    this.refresh();
  }

  /** Writes statuses and features anew into the bytes that are published. */
  refresh(): void {
    if (this.#isPublished) this.bytes.set(this.#encode());
  }

  #encode(): Uint8Array {
    const { locals, settings, pid, forwarder } = this.#core;
    let features = LNET_PING_FEAT_NI_STATUS | LNET_PING_FEAT_MULTI_RAIL;
    if (forwarder === null) features |= LNET_PING_FEAT_RTE_DISABLED;
    if (settings.values.discovery !== 0) features |= LNET_PING_FEAT_DISCOVERY;
    const entries = locals.all
      .filter((ni) => !ni.isLoopback)
      .map((ni) => ({ nid: ni.nid, isUp: ni.isUp && !ni.hasFatalError }));
    return encodePingInfo(makePingInfo({ features, pid, sequence: this.sequence, entries }));
  }
}
