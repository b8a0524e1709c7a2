import test from 'ava';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readCapture } from './capture.ts';

for (const capture of ['lst', 'router']) {
  test(`cut payloads of ${capture} are rebuilt to the very bytes that crossed the wire`, (t) => {
    const lines = readFileSync(new URL(`../golden/${capture}.jsonl`, import.meta.url), 'utf8')
      .trim()
      .split('\n');
    const frames = readCapture(capture);
    const digests = new Map<Buffer, string>();
    let checked = 0;
    lines.forEach((line, index) => {
      const { payloadSha256 } = JSON.parse(line) as { payloadSha256?: string };
      const payload = frames[index]?.payload;
      if (payloadSha256 === undefined || !payload) return;
      const digest = digests.get(payload) ?? createHash('sha256').update(payload).digest('hex');
      digests.set(payload, digest);
      t.is(digest, payloadSha256);
      checked++;
    });
    t.true(checked >= 12);
  });
}
