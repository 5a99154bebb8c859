// One stream for each page, taken up again when it is cut.

import { Code, ConnectError } from "@connectrpc/connect";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

let current: AbortController | undefined;

/** End the stream of the page that was shown before. */
export function stop(): void {
  current?.abort();
  current = undefined;
  say("");
}

/**
 * Read a stream to its end; when it is cut, open it again where it stopped.
 * `open` is asked anew each time, so that it can continue after what it has seen.
 */
export async function follow<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  take: (message: T) => void,
  refused: () => void,
  ended: () => void = () => {},
): Promise<void> {
  const control = new AbortController();
  current = control;
  let pause = FIRST_PAUSE;
  while (!control.signal.aborted) {
    try {
      for await (const message of open(control.signal)) {
        say("live");
        pause = FIRST_PAUSE;
        take(message);
      }
      say("");
      return ended();
    } catch (error) {
      if (control.signal.aborted) return;
      const code = ConnectError.from(error).code;
      if (code === Code.Unauthenticated || code === Code.PermissionDenied) return refused();
      if (code === Code.Unimplemented || code === Code.NotFound) return say("");
      say("connection lost; trying again");
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

function say(text: string): void {
  const place = document.getElementById("live");
  if (place && place.textContent !== text) place.textContent = text;
}
