import { BrwClient } from '../brw/brw-client.ts';
import { BrwServer } from '../brw/brw-server.ts';
import { BulkMemory } from '../brw/bulk-memory.ts';
import { ErrorInjector } from '../brw/error-injector.ts';
import { BrwPattern } from '../brw/pattern.ts';
import { PingClient, PingSequence } from '../ping/ping-client.ts';
import { PING_SERVER } from '../ping/ping-server.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import { type ServiceHandler, ServicePort } from '../rpc/service-port.ts';
import type { Destination } from '../wire/destination-list.ts';
import { type ServiceKind, SERVICES, SRPC_FRAMEWORK_REQUEST_PORTAL, SRPC_REQUEST_PORTAL } from '../wire/service.ts';
import { batchService } from './batch-service.ts';
import { NODE_OPTIONS_DEFAULT, type NodeOptions } from './node-options.ts';
import { SessionKeeper } from './session-keeper.ts';
import { debugService, makeSessionService, removeSessionService } from './session-services.ts';
import type { Session } from './session.ts';
import { statService } from './stat-service.ts';
import type { TestClient } from './test-client.ts';
import { ClientInstance, SERVER_INSTANCE, type TestInstance } from './test-instance.ts';
import { type AddTest, testService } from './test-service.ts';
import { UnitBudget } from './unit-budget.ts';

/** Requests of one framework service served at a time, as a kernel posts buffers: selftest §4.6. */
const FRAMEWORK_RPCS_MAX = 256;
/** Requests of one framework service that may wait. */
const FRAMEWORK_WAITING_MAX = 1024;
/** TEST requests served at a time: each may pull a list of up to 1 MiB. */
const TEST_RPCS_MAX = 64;

/** Serves and runs tests as a kernel node with `lnet_selftest` does: selftest §6, §7. */
export class SelftestNode {
  readonly options: NodeOptions;
  readonly sessions: SessionKeeper;
  /** Memory of brw data being received as server. */
  readonly serverMemory: BulkMemory;
  readonly budget: UnitBudget;
  readonly #context: RpcContext;
  readonly #pattern = new BrwPattern();
  readonly #injector: ErrorInjector;
  readonly #pingSequence: PingSequence;
  readonly #ports: readonly Pick<ServicePort<unknown>, 'open' | 'close'>[];

  constructor(context: RpcContext, options: Partial<NodeOptions> = {}) {
    const all: NodeOptions = { ...NODE_OPTIONS_DEFAULT, ...options };
    this.options = all;
    this.#context = context;
    this.#injector = new ErrorInjector(all.brwInjectErrors, context.core.random);
    this.#pingSequence = new PingSequence(context.core.clock);
    this.serverMemory = new BulkMemory(all.serverBulkBytesMax);
    this.budget = new UnitBudget(all.unitsMax, all.clientBulkBytesMax);
    const brwServer = new BrwServer({
      pattern: this.#pattern,
      memory: this.serverMemory,
      injector: this.#injector,
      usesPages: () => all.simpleCheckUsesPages && this.sessions.current?.hasOffsets !== true,
    });
    const direct = { activeMax: all.serverRpcsMax, waitingMax: all.serverWaitingMax, isDeferred: false };
    const brw = new ServicePort(context, { service: SERVICES.brw, handler: brwServer, ...direct });
    const ping = new ServicePort(context, { service: SERVICES.ping, handler: PING_SERVER, ...direct });
    const keeper = new SessionKeeper({
      core: context.core,
      timeoutS: all.sessionTimeoutS,
      abortServing: () => {
        brw.abortAll();
        ping.abortAll();
      },
    });
    this.sessions = keeper;
    const framework = <N>(service: ServiceKind, handler: ServiceHandler<N>, activeMax = FRAMEWORK_RPCS_MAX) =>
      new ServicePort(context, { service, handler, activeMax, waitingMax: FRAMEWORK_WAITING_MAX, isDeferred: true });
    this.#ports = [
      brw,
      ping,
      framework(SERVICES.makeSession, makeSessionService(keeper)),
      framework(SERVICES.removeSession, removeSessionService(keeper)),
      framework(SERVICES.debug, debugService(keeper)),
      framework(SERVICES.batch, batchService(keeper)),
      framework(SERVICES.stat, statService(keeper, context)),
      framework(SERVICES.test, testService(keeper, SERVER_INSTANCE, this.#makeClient.bind(this)), TEST_RPCS_MAX),
    ];
  }

  /** Begins to serve. */
  open(): void {
    const { portals } = this.#context.core;
    portals.setLazy(SRPC_REQUEST_PORTAL);
    portals.setLazy(SRPC_FRAMEWORK_REQUEST_PORTAL);
    for (const port of this.#ports) port.open();
  }

  /** Ends the session and stops serving; resolves when LNet holds nothing of it any more. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.sessions.close(resolve));
    await Promise.all(this.#ports.map((port) => new Promise<void>((resolve) => port.close(resolve))));
    const { portals } = this.#context.core;
    portals.clearLazy(SRPC_REQUEST_PORTAL);
    portals.clearLazy(SRPC_FRAMEWORK_REQUEST_PORTAL);
  }

  #makeClient(test: AddTest, session: Session, destinations: readonly Destination[]): TestInstance | undefined {
    const client = this.#testClient(test, session);
    const units = destinations.length * test.concurrency;
    const reservation = this.budget.reserve(units, units * client.unitBytes);
    if (!reservation) return undefined;
    const { concurrency, loop, stopsOnError } = test;
    const context = this.#context;
    return new ClientInstance({ context, client, destinations, concurrency, loop, stopsOnError, reservation });
  }

  #testClient({ brw }: AddTest, session: Session): TestClient {
    const timeoutUs = this.options.rpcTimeoutS * 1_000_000;
    const { features } = session;
    if (!brw) {
      this.#pingSequence.restart();
      return new PingClient({ features, timeoutUs, sequence: this.#pingSequence, errors: session });
    }
    return new BrwClient({
      params: brw,
      features,
      timeoutUs,
      usesPages: this.options.simpleCheckUsesPages && brw.offset % 4096 === 0,
      pattern: this.#pattern,
      injector: this.#injector,
      errors: session,
    });
  }
}
