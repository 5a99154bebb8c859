// The page of one run: its tests move while it goes on, and at its end the server draws it complete.

import type { WatchRunResponse } from "./_generated/rocketship/v1/engine_pb.js";
import { engine } from "./api.js";
import { type Counts, setCounts, setDoing, setMeter, setSince, setStatus, setTook } from "./fields.js";
import { type Log, logOf } from "./log.js";
import { draw } from "./page.js";
import { follow } from "./stream.js";

// Many browsers may watch one run: they must not all ask again at the moment it ends.
const SPREAD = 400;

interface RunEvent {
  kind: string;
  at: number;
  unit?: string;
  name?: string;
  status?: string;
  duration_seconds?: number;
}

export function watchRun(main: HTMLElement, refused: () => void): void {
  const log = logOf(main);
  if (main.dataset.live !== "run" || !log) return;
  const page = new RunPage(main, log);
  const runId = main.dataset.run ?? "";
  const open = (signal: AbortSignal) =>
    engine.watchRun({ runId, afterSeq: page.seq, withLines: true }, { signal });
  void follow(open, (message) => page.take(message), refused, () => page.end());
}

class RunPage {
  seq: bigint;

  constructor(
    private readonly main: HTMLElement,
    private readonly log: Log,
  ) {
    this.seq = BigInt(main.dataset.seq ?? "0");
  }

  take(message: WatchRunResponse): void {
    if (!message.event || message.event.seq <= this.seq) return;
    this.seq = message.event.seq;
    this.log.add(message.lines);
    this.apply(JSON.parse(message.event.json) as RunEvent);
  }

  /** The stream is over: nothing more happens to the run, whatever has been seen of it. */
  end(): void {
    setTimeout(() => void this.complete(), Math.random() * SPREAD);
  }

  private apply(event: RunEvent): void {
    const row = event.unit ? this.row(event.unit, event.name ?? event.unit) : undefined;
    if (row && event.kind === "test_started") {
      setStatus(row, "RUNNING");
      setSince(row, event.at);
    } else if (row && event.kind === "step_started") {
      setDoing(row, event.name ?? "");
    } else if (row && event.kind === "test_finished") {
      setStatus(row, event.status ?? "");
      setDoing(row, "");
      setTook(row, event.duration_seconds ?? 0);
      this.count();
    }
  }

  /** The row of a test; suite init and cleanup get theirs when they begin. */
  private row(unit: string, name: string): HTMLElement | undefined {
    const known = document.getElementById(`test-${unit}`);
    if (known || (unit !== "init" && unit !== "cleanup")) return known ?? undefined;
    const some = this.main.querySelector<HTMLElement>("#tests > .test");
    if (!some) return undefined;
    const row = some.cloneNode(true) as HTMLElement;
    row.id = `test-${unit}`;
    row.dataset.unit = unit;
    for (const old of row.querySelectorAll("details > :not(summary)")) old.remove();
    const details = row.querySelector("details");
    details?.removeAttribute("open");
    details?.setAttribute("data-load", `/runs/${this.main.dataset.run}/tests/${unit}`);
    const title = row.querySelector(".name");
    if (title) title.textContent = `suite ${unit}` || name;
    const list = this.main.querySelector("#tests");
    if (unit === "init") list?.prepend(row);
    else list?.append(row);
    return row;
  }

  private count(): void {
    const counts: Counts = { total: 0, passed: 0, bad: 0 };
    for (const row of this.main.querySelectorAll<HTMLElement>("#tests > .test[data-unit^='t-']")) {
      const status = row.querySelector('[data-field="status"]')?.textContent ?? "";
      counts.total += 1;
      if (status === "passed") counts.passed += 1;
      if (["failed", "timeout", "cancelled"].includes(status)) counts.bad += 1;
    }
    const place = this.main.querySelector("#run-counts");
    if (place) setCounts(place, counts);
    setMeter(this.main, counts);
  }

  /** Take the page of the ended run over, but leave the log, which somebody may be reading. */
  private async complete(): Promise<void> {
    const drawn = await draw(location.href).catch(() => undefined);
    const fresh = drawn?.document.getElementById("main");
    if (!drawn?.ok || !fresh || !this.main.isConnected) return;
    document.title = drawn.document.title;
    const log = fresh.querySelector("[aria-labelledby=log-title]");
    const kept = this.main.querySelector("[aria-labelledby=log-title]");
    const open = [...this.main.querySelectorAll(".test > details[open]")].map(
      (details) => details.parentElement?.id ?? "",
    );
    const { scrollX, scrollY } = window;
    for (const child of [...this.main.children]) if (child !== kept) child.remove();
    for (const child of [...fresh.children]) if (child !== log) this.main.insertBefore(child, kept);
    for (const id of open) document.getElementById(id)?.firstElementChild?.setAttribute("open", "");
    delete this.main.dataset.live;
    scrollTo(scrollX, scrollY);
  }
}
