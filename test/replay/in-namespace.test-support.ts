/**
 * Runs one replay with the captured addresses themselves: the program that a test starts in a network namespace of its own.
 * The role comes as JSON on the command line, the report goes as JSON to standard output.
 */
import { AddressMap } from './nid-map.ts';
import { replay, type Role } from './replay.ts';

/** The kernels' own port: nobody else is in the namespace. */
const ACCEPT_PORT = 988;

const role = JSON.parse(process.argv[2] as string) as Role;
const report = await replay(role, AddressMap.identity(), ACCEPT_PORT);
process.stdout.write(JSON.stringify(report));
process.exit(0);
