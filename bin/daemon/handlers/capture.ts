import type { CapturedFrame } from '../../capture/frame.ts';
import type { CaptureHub } from '../../capture/hub.ts';
import type { TreeMap } from '../../print/tree.ts';
import { Args } from '../args.ts';
import type { Handlers, RequestStream } from '../control-server.ts';

/** Longest frame: headers and 1 MiB. */
const FRAME_BYTES_MAX = 1_049_600;

interface CaptureLimits {
  /** Frames after which it ends; undefined: none. */
  readonly count: number | undefined;
  /** Seconds after which it ends; undefined: never. */
  readonly seconds: number | undefined;
  readonly snapBytes: number;
}

/**
 * `capture`: streams the frames of this node's links until the client has enough. A client that does not keep up loses
 * frames, which are counted; the node itself is never held up.
 */
export function captureHandlers(hub: CaptureHub): Handlers {
  return {
    capture: (given, stream) => {
      const args = new Args(given);
      const limits = {
        count: args.integerOr('count'),
        seconds: args.integerOr('seconds'),
        snapBytes: Math.min(args.integerOr('snap_bytes') ?? FRAME_BYTES_MAX, FRAME_BYTES_MAX),
      };
      args.end();
      return runCapture(hub, limits, stream);
    },
  };
}

function runCapture(
  hub: CaptureHub,
  { count, seconds, snapBytes }: CaptureLimits,
  stream: RequestStream,
): Promise<TreeMap> {
  return new Promise((resolve) => {
    let frames = 0;
    let lost = 0;
    let isSlow = false;
    const listener = {
      snapBytes,
      frame: (frame: CapturedFrame): void => {
        if (isSlow) {
          lost++;
          return;
        }
        frames++;
        if (!stream.item(frameTree(frame))) {
          isSlow = true;
          void stream.drained().then(() => (isSlow = false));
        }
        if (frames === count) end();
      },
    };
    const timer = seconds === undefined ? undefined : setTimeout(() => end(), seconds * 1000);
    const end = (): void => {
      hub.remove(listener);
      clearTimeout(timer);
      stream.signal.removeEventListener('abort', end);
      resolve({ frames, lost });
    };
    if (count === 0 || stream.signal.aborted) {
      end();
      return;
    }
    stream.signal.addEventListener('abort', end, { once: true });
    hub.add(listener);
  });
}

/** A frame as it crosses the control socket. */
function frameTree({ atUs, from, to, link, bytes, length }: CapturedFrame): TreeMap {
  return {
    at_us: atUs,
    from: from.toString(),
    to: to.toString(),
    link,
    length,
    data: Buffer.from(bytes).toString('base64'),
  };
}
