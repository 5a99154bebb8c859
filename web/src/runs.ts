// Pages with many runs: rows change in place, and the server draws the page anew when runs come or go.

import type { RunSummary, WatchRunsResponse } from "./_generated/rocketship/v1/engine_pb.js";
import { engine } from "./api.js";
import { type Counts, setCounts, setDoing, setMeter, setStatus, setTook } from "./fields.js";
import { draw, exchange } from "./page.js";
import { follow } from "./stream.js";

// Many browsers look at one engine: they must not all ask again at the same moment.
const LEAST_PAUSE = 1000;
const SPREAD = 1500;

const FINISHED = ["PASSED", "FAILED", "TIMEOUT", "CANCELLED"];

export function watchRuns(refused: () => void): void {
  const redraw = redrawer();
  let first = true;
  const take = (message: WatchRunsResponse) => {
    const known = message.runs.map(update);
    const main = document.getElementById("main");
    // The first message says what went on before; after a cut it may be news.
    if (known.includes(false) && main && !("frozen" in main.dataset)) redraw();
    else if (first && runningRows() !== message.runs.length && isOverview()) redraw();
    first = false;
  };
  const open = (signal: AbortSignal) => {
    first = true;
    return engine.watchRuns({}, { signal });
  };
  void follow(open, take, refused);
}

/** Bring the row of a run up to date; false when the page has to be drawn anew. */
function update(run: RunSummary): boolean {
  const row = document.querySelector<HTMLElement>(`[data-run="${CSS.escape(run.runId)}"]`);
  const finished = FINISHED.includes(run.status);
  if (!row) return !concerns(run);
  const counts = countsOf(run);
  setStatus(row, run.status);
  setCounts(row, counts);
  setMeter(row, counts);
  setDoing(row, run.doing.join(", "));
  if (finished) setTook(row, Number(run.durationMs) / 1000);
  return !(finished && isOverview());
}

export function countsOf(run: RunSummary): Counts {
  const bad = run.failedTests + run.timeoutTests + run.cancelledTests;
  return { total: run.totalTests, passed: run.passedTests, bad };
}

function concerns(run: RunSummary): boolean {
  const suite = document.getElementById("main")?.dataset.suite;
  return suite === undefined || suite === run.suiteName;
}

function isOverview(): boolean {
  return document.getElementById("main")?.dataset.page === "overview";
}

function runningRows(): number {
  return document.querySelectorAll(".running [data-run]").length;
}

/** Return what asks for the page again, soon, and never more than once at a time. */
function redrawer(): () => void {
  const address = location.href;
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(async () => {
      waiting = false;
      if (location.href !== address || busy()) return;
      const drawn = await draw(address).catch(() => undefined);
      if (drawn?.ok && location.href === address && !busy()) keepPlace(() => exchange(drawn.document));
    }, LEAST_PAUSE + Math.random() * SPREAD);
  };
}

/** Somebody fills a form in: it must not be taken away. */
function busy(): boolean {
  return document.activeElement?.closest("form") !== null && document.activeElement !== document.body;
}

function keepPlace(change: () => void): void {
  const { scrollX, scrollY } = window;
  change();
  scrollTo(scrollX, scrollY);
}
