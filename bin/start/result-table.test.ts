import test from 'ava';
import { resultTable } from './result-table.ts';

test('the table shows rate, messages a second and latencies, one row for each result', (t) => {
  const table = resultTable([
    {
      network: 'tcp',
      title: 'file by PUT, 1 MiB',
      bytes: 256 << 20,
      messages: 256,
      ms: 100,
      p50Us: 2_345,
      p99Us: 123_456,
      check: 'SHA-256 equal, 9×',
    },
    {
      network: 'tcp',
      title: 'GET 64 B',
      bytes: 64_000,
      messages: 1_000,
      ms: 1_000,
      p50Us: 70.25,
      p99Us: 812,
      check: '',
    },
  ]);
  t.is(
    table,
    [
      'network  what                 GB/s  messages/s      p50     p99  check',
      '-------  ------------------  -----  ----------  -------  ------  -----------------',
      'tcp      file by PUT, 1 MiB   2.68       2,560  2.35 ms  123 ms  SHA-256 equal, 9×',
      'tcp      GET 64 B            0.000       1,000  70.3 µs  812 µs',
    ].join('\n'),
  );
});
