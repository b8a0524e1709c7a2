import { Command } from 'commander';
import { addCapture } from './commands/capture.ts';
import { addNetChanges, addPeerChanges, addRouteChanges } from './commands/change.ts';
import { addCompletion } from './commands/completion.ts';
import { addDaemon } from './commands/daemon.ts';
import { addDebug } from './commands/debug.ts';
import { addDecode } from './commands/decode.ts';
import { addExport } from './commands/export.ts';
import { addFiles } from './commands/files.ts';
import { addImport } from './commands/import.ts';
import { addLst } from './commands/lst.ts';
import { addNal } from './commands/nal.ts';
import { addDiscover, addPing } from './commands/ping.ts';
import { addSet } from './commands/set.ts';
import { EXIT_REJECTED, type Shell } from './commands/shell.ts';
import { addGlobal, addNetShow, addPeerShow, addRouteShow, addStats } from './commands/show.ts';
import { packageVersion } from './version.ts';

/** The tree of commands: parsing, help and completion come from it. */
export function buildProgram(shell: Shell): Command {
  const program = new Command('lnet')
    .description("A Portals/LNet node in userspace. 'lnet up FILE.yaml' starts one; the other commands talk to it.")
    .version(packageVersion())
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: shell.world.stdout, writeErr: shell.world.stderr });
  addDaemon(program, shell);
  const net = program.command('net').description('networks and their interfaces');
  addNetChanges(net, shell);
  addNetShow(net, shell);
  const peer = program.command('peer').description('peers');
  addPeerChanges(peer, shell);
  addPeerShow(peer, shell);
  const route = program.command('route').description('routes to other networks');
  addRouteChanges(route, shell);
  addRouteShow(route, shell);
  addStats(program, shell);
  addGlobal(program, shell);
  addSet(program, shell);
  addPing(program, shell);
  addDiscover(program, shell);
  addImport(program, shell);
  addExport(program, shell);
  addNal(program, shell);
  addFiles(program, shell);
  addCapture(program, shell);
  addLst(program, shell);
  addDecode(program, shell);
  addDebug(program, shell);
  addCompletion(program, shell);
  return program;
}

/** Runs a canonical command line. What commander itself refuses (a missing or surplus argument) is a bad argument. */
export async function runProgram(program: Command, shell: Shell, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('commander.') !== true) throw error;
    shell.exitCode = EXIT_REJECTED;
  }
}
