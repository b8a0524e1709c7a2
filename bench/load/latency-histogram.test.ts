import test from 'ava';
import { LatencyHistogram } from './latency-histogram.ts';

test('a percentile is right to one part in 32, from a tenth of a microsecond to minutes', (t) => {
  for (const scale of [0.1, 1, 37, 1_000, 55_555, 200_000]) {
    const histogram = new LatencyHistogram();
    for (let i = 1; i <= 1_000; i++) histogram.record(i * scale);
    for (const share of [0.5, 0.99, 0.999]) {
      const exact = 1_000 * share * scale;
      const error = Math.abs(histogram.percentile(share) - exact) / exact;
      t.true(error <= 1 / 32, `share ${share} of scale ${scale} is off by ${error}`);
    }
    t.is(histogram.toJSON().max, 1_000 * scale);
  }
});

test('no record gives zeros, one record gives itself', (t) => {
  const histogram = new LatencyHistogram();
  t.deepEqual(histogram.toJSON(), { count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
  histogram.record(12);
  t.deepEqual(histogram.toJSON(), { count: 1, p50: 12, p99: 12, p999: 12, max: 12 });
});
