import test, { type ExecutionContext } from 'ava';
import { createServer } from 'node:net';

type Body = (t: ExecutionContext) => Promise<void> | void;
type Declare = (title: string, body: Body) => void;

/** A test that runs alone in its file, or a skipped one whose title says what is missing. */
export function testUnless(missing: string | undefined, declare: Declare = test.serial): Declare {
  return missing === undefined ? declare : (title, body) => test.skip(`${title} (skipped: ${missing})`, body);
}

/** Whether this process may open connections from ports below 1024, which a kernel demands of its peers. */
function mayUsePrivilegedPorts(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.77.0.1', port: 600 }, () => server.close(() => resolve(true)));
  });
}

/** Why connections cannot leave from ports below 1024 here; undefined when they can. */
export const missingPrivilege = (await mayUsePrivilegedPorts())
  ? undefined
  : 'source ports below 1024 take CAP_NET_BIND_SERVICE';
