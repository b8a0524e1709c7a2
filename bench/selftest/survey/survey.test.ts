import test from 'ava';
import { lstBench } from '../testing/lst-bench.test-support.ts';
import { nidAt } from '../testing/node-bench.test-support.ts';
import { runSurvey } from './survey.ts';
import { parseSurvey } from './survey-options.ts';
import { resultOf } from './survey-run.ts';

/** Runs a sweep on a simulated network; gives everything it said. */
async function survey(line: string, nodes = 3) {
  const b = await lstBench({ nids: Array.from({ length: nodes }, (_, index) => nidAt(index)) });
  const said = { out: '', err: '', csv: [] as string[], raw: '' };
  const status = await b.net.settled(
    runSurvey(b.console.selftest.console, line.split(' '), {
      stdout: (text) => {
        said.out += text;
      },
      stderr: (text) => {
        said.err += text;
      },
      csv: (text) => said.csv.push(text),
      raw: (text) => {
        said.raw += text;
      },
      sessionKey: undefined,
      features: undefined,
      userAtHost: 'x@y',
      interrupt: new AbortController().signal,
    }),
  );
  return { status, ...said, bench: b };
}

test('a sweep runs every mode and size between every pair of groups and prints one row each', async (t) => {
  const { status, out, csv, err, bench } = await survey(
    '-f 10.77.0.12@tcp,10.77.0.13@tcp -t 10.77.0.14@tcp -M 1 -s 4k,64k -m read,rw,ping -c 2 -D 1 -n 2 -e',
  );
  t.is(err, '');
  t.is(status, 0);
  t.is(out.match(/^Server Group: 10\.77\.0\.14@tcp$/gm)?.length, 2);
  t.is(out.match(/^Client Group: /gm)?.length, 2);
  t.regex(out, /^ {10}Mode {7}Read MB\/s {7}Read RPC\/s {6}Write MB\/S {6}Write RPC\/s$/m);
  t.is(csv[0], 'Servers,Clients,Mode,Read_BW,Read_Rate,Write_BW,Write_Rate,Server_Errors,Client_Errors');
  t.deepEqual(
    csv.slice(1).map((line) => line.split(',').slice(0, 3).join(' ')),
    ['12', '13'].flatMap((host) =>
      ['read_4k', 'read_64k', 'rw_4k', 'rw_64k', 'ping'].map((label) => `10.77.0.14@tcp 10.77.0.${host}@tcp ${label}`),
    ),
  );
  const [, , , readBw, , writeBw] = csv[2]?.split(',') ?? [];
  t.true(Number(writeBw) > 10 && Number(readBw) === 0, 'a read leaves the servers: it stands in their write columns');
  t.regex(out, /^Errors: 0 server nodes, 0 client nodes$/m);
  t.is(bench.console.selftest.console.session, null, 'the session is ended');
});

test('a dry run only prints the commands', async (t) => {
  const { status, out, bench } = await survey('-d -f 10.77.0.12@tcp -t 10.77.0.[13,14]@tcp -m write -s 1m');
  t.is(status, 0);
  t.true(
    out.includes(
      'lst add_test --batch brw_write --concurrency 64 --distribute 1:2 --from clients --to servers brw write size=1m\n',
    ),
  );
  t.true(out.includes('lst stat --rate --bw --count 3 --delay 3 servers\n'));
  t.true(bench.nodes.every(({ selftest }) => selftest.node.sessions.current === null));
});

test('a sweep that cannot get its samples stops, cleans up, and says how many it found', async (t) => {
  const { status, err, bench } = await survey('-f 10.77.0.12@tcp -t 10.77.0.99@tcp -m ping -D 1 -n 2');
  t.is(status, 255);
  t.is(err, 'Error: Failed to get all samples. Expect 10, found 0\n');
  t.is(bench.console.selftest.console.session, null);
});

test('a ramp doubles the concurrency and ends when it brings nothing any more', async (t) => {
  const { csv } = await survey('-f 10.77.0.12@tcp -t 10.77.0.13@tcp -m read -s 4k -c 48 -D 1 -n 1 --ramp 1');
  t.regex(csv[0] ?? '', /,Concurrency$/);
  const steps = csv.slice(1).map((line) => Number(line.split(',').at(-1)));
  t.deepEqual(steps.slice(0, 4), [1, 2, 4, 8]);
  t.true(steps.length <= 7);
});

function report(n: number): string {
  return `[LNet Rates of s]\n[R] Avg: ${n}.99\n[W] Avg: 2\n[LNet Bandwidth of s]\n[R] Avg: 3.7\n[W] Avg: 4\n`;
}

test('averages over the samples are truncated', (t) => {
  t.deepEqual(resultOf(`${report(1)}${report(4)}Total 1 error nodes in servers\nTotal 2 error nodes in clients\n`, 2), {
    receivedRate: 2,
    sentRate: 2,
    receivedBandwidth: 3,
    sentBandwidth: 4,
    serverErrors: 1,
    clientErrors: 2,
  });
});

test('a group larger than its list, and names that mean nothing, are refused', (t) => {
  t.like(parseSurvey(['-f', '10.0.0.1@tcp', '-t', '10.0.0.2@tcp', '-M', '2']), {
    fault: 'A group is larger than its list',
  });
  t.like(parseSurvey(['-f', 'x@', '-t', '10.0.0.2@tcp']), { fault: 'Invalid nid: x@' });
  t.like(parseSurvey(['-f', '10.0.0.1@tcp', '-t', '10.0.0.2@tcp', '-m', 'sideways']), {
    fault: 'Unknown mode: sideways',
  });
  t.is(parseSurvey(['-f', '10.0.0.1@tcp']), undefined);
});
