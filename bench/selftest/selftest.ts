import { Console } from './console/console.ts';
import { joinService } from './console/join-service.ts';
import type { NodeOptions } from './node/node-options.ts';
import { SelftestNode } from './node/selftest-node.ts';
import { RpcContext, type SelftestCore } from './rpc/rpc-context.ts';
import { ServicePort } from './rpc/service-port.ts';
import { SERVICES } from './wire/service.ts';

/** Requests to join that wait and are served at a time. */
const JOIN_RPCS_MAX = 16;

/** `lnet_selftest` on one LNet node: a node that serves and runs tests, and a console that can drive others. */
export class Selftest {
  readonly context: RpcContext;
  readonly node: SelftestNode;
  readonly console: Console;
  readonly #join: ServicePort<null>;

  /** `core` is that of a running node: `LnetNode.core`. Nothing is served before {@link open}. */
  constructor(core: SelftestCore, options: Partial<NodeOptions> = {}) {
    this.context = new RpcContext(core);
    this.node = new SelftestNode(this.context, options);
    this.console = new Console(this.context);
    this.#join = new ServicePort(this.context, {
      service: SERVICES.join,
      handler: joinService(this.console),
      activeMax: JOIN_RPCS_MAX,
      waitingMax: JOIN_RPCS_MAX,
      isDeferred: true,
    });
  }

  /** Begins to serve. */
  open(): void {
    this.node.open();
    this.#join.open();
  }

  /** Ends the console's session, then the node's; resolves when LNet holds nothing of selftest any more. */
  async close(): Promise<void> {
    await this.console.close();
    await new Promise<void>((resolve) => this.#join.close(resolve));
    await this.node.close();
  }
}
