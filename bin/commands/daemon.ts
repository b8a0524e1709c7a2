import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { Daemon } from '../daemon/daemon.ts';
import { daemonNameOf, prepareSocket, socketPathOf } from '../daemon/socket-path.ts';
import { DIALECT_N2, printBlock } from '../print/block.ts';
import type { TreeMap } from '../print/tree.ts';
import { readConfig } from './import.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** `up`, `down` and `status`: the daemon itself. */
export function addDaemon(program: Command, shell: Shell): void {
  common(program.command('up').description('start a node from a YAML file and keep it running in the foreground'))
    .argument('<file>', 'configuration, as lnetctl imports it')
    .option(
      '--share <dir>',
      "let other nodes put files into this directory and get them, with 'lnet put' and 'lnet get'",
    )
    .action((file: string, options: CommonOptions & { share?: string }) =>
      shell.run(options, { format: 'plain' }, () => up(shell, file, options)),
    );
  common(program.command('down').description('stop the running node')).action((options: CommonOptions) =>
    shell.run(options, { format: 'plain' }, () =>
      shell.withDaemon(options, async (client) => {
        await client.request('down');
        await client.closed;
      }),
    ),
  );
  common(program.command('status').description('show the running node and its control socket')).action(
    (options: CommonOptions) =>
      shell.run(options, { format: 'plain' }, async () => {
        const status = (await shell.request(options, 'status')) as TreeMap;
        if (options.json) shell.printJson(status);
        else shell.print(printBlock(status, DIALECT_N2));
      }),
  );
}

async function up(shell: Shell, file: string, options: CommonOptions & { share?: string }): Promise<void> {
  const { world } = shell;
  const text = await readConfig(shell, file);
  if (text === undefined) return;
  const name = daemonNameOf(file);
  const socketPath = socketPathOf(options.socket ?? name, world.environment);
  await prepareSocket(socketPath, world.environment);
  // The whole node is loaded here, so that the commands that only talk to one start quickly.
  const { Daemon: NodeDaemon } = await import('../daemon/daemon.ts');
  const daemon = await NodeDaemon.start({
    config: { text, file: file === '-' ? file : resolve(file) },
    name,
    socketPath,
    ...(options.share === undefined ? {} : { share: options.share }),
    log: (level, line) => world.stderr(`lnet: ${level === 'warn' ? 'warning: ' : ''}${line}\n`),
  });
  const ended = new Promise<void>((end) => {
    daemon.onDown(end);
    world.interrupt.addEventListener('abort', () => end(), { once: true });
    if (world.interrupt.aborted) end();
  });
  announce(shell, options, daemon);
  await ended;
  await daemon.close();
}

/** One line per NI, then the line that says that everything is ready. */
function announce(shell: Shell, { json }: CommonOptions, daemon: Daemon): void {
  const status = daemon.status();
  if (json) {
    shell.print(`${JSON.stringify(status)}\n`);
    return;
  }
  const port = daemon.plan.accept === 'none' ? 'connects out only' : `port ${daemon.plan.acceptPort}`;
  for (const { nid, interface: device, nal } of status['interfaces'] as readonly Record<string, string>[]) {
    shell.print(`${nid} up on ${device} (${nal}, ${port})\n`);
  }
  shell.print(`ready; commands at ${status['socket'] as string}\n`);
}
