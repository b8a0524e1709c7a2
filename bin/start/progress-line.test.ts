import test from 'ava';
import { ProgressLine } from './progress-line.ts';

function stream(isTTY: boolean): { readonly written: string[]; readonly stream: NodeJS.WriteStream } {
  const written: string[] = [];
  const write = (text: string): boolean => {
    written.push(text);
    return true;
  };
  return { written, stream: { isTTY, columns: 20, write } as unknown as NodeJS.WriteStream };
}

test('on a terminal the line rewrites itself, keeps to its width and leaves nothing behind', (t) => {
  const { written, stream: terminal } = stream(true);
  const line = new ProgressLine(terminal);
  line.show('one');
  line.show('a text longer than the terminal is wide');
  line.clear();
  line.clear();
  t.deepEqual(written, ['\r\x1b[Kone', '\r\x1b[Ka text longer than ', '\r\x1b[K']);
});

test('elsewhere it is a line a second at most, and one at once for each new piece of work', (t) => {
  const { written, stream: file } = stream(false);
  const line = new ProgressLine(file);
  line.show('first');
  line.show('too soon');
  line.clear();
  line.show('next work');
  t.deepEqual(written, ['first\n', 'next work\n']);
});
