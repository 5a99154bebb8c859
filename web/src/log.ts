// The log of a run: follows the end, searches, and keeps a bounded number of lines.

import type { LogLine } from "./_generated/rocketship/v1/engine_pb.js";

const MOST_LINES = 10_000;

const TONES: Record<string, string> = {
  "green,": "good",
  "green,bold": "success",
  "red,bold": "bad",
  "yellow,": "caution",
  "yellow,bold": "notice",
  "purple,bold": "title",
  ",bold": "strong",
};

export class Log {
  private waiting: LogLine[] = [];
  private wanted = "";
  private found = 0;

  constructor(
    private readonly list: HTMLElement,
    private readonly following: HTMLInputElement,
    private readonly search: HTMLInputElement,
    private readonly told: HTMLElement,
  ) {
    search.addEventListener("input", () => this.searchAgain());
    list.addEventListener("wheel", () => this.notice(), { passive: true });
    list.addEventListener("keyup", () => this.notice());
    following.addEventListener("change", () => this.toEnd());
    this.toEnd();
  }

  add(lines: LogLine[]): void {
    if (lines.length === 0) return;
    if (this.waiting.length === 0) requestAnimationFrame(() => this.draw());
    this.waiting.push(...lines);
  }

  private draw(): void {
    const part = document.createDocumentFragment();
    for (const line of this.waiting.slice(-MOST_LINES)) part.append(this.row(line));
    this.waiting = [];
    this.list.append(part);
    while (this.list.childElementCount > MOST_LINES) this.list.firstElementChild?.remove();
    this.tell();
    this.toEnd();
  }

  private row(line: LogLine): HTMLElement {
    const row = document.createElement("div");
    row.className = `line tone-${TONES[`${line.color},${line.bold ? "bold" : ""}`] ?? "plain"}`;
    if (line.testName) {
      const test = document.createElement("span");
      test.className = "of";
      test.textContent = line.testName;
      row.append(test, " ");
    }
    row.append(line.msg);
    this.filter(row);
    return row;
  }

  private filter(row: HTMLElement): void {
    const fits = !this.wanted || (row.textContent ?? "").toLowerCase().includes(this.wanted);
    row.hidden = !fits;
    if (fits) this.found += 1;
  }

  private searchAgain(): void {
    this.wanted = this.search.value.trim().toLowerCase();
    this.found = 0;
    for (const row of this.list.querySelectorAll<HTMLElement>(".line")) this.filter(row);
    this.tell();
    this.toEnd();
  }

  private tell(): void {
    this.told.textContent = this.wanted ? `${this.found} lines` : "";
  }

  /** Whoever scrolls away from the end wants to read, and at the end to follow. */
  private notice(): void {
    const rest = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight;
    this.following.checked = rest < 24;
  }

  private toEnd(): void {
    if (this.following.checked) this.list.scrollTop = this.list.scrollHeight;
  }
}

export function logOf(root: ParentNode): Log | undefined {
  const list = root.querySelector<HTMLElement>("#log");
  const following = root.querySelector<HTMLInputElement>("#follow");
  const search = root.querySelector<HTMLInputElement>("#log-search");
  const told = root.querySelector<HTMLElement>("#log-found");
  if (!list || !following || !search || !told) return undefined;
  root.querySelector<HTMLElement>("#log-tools")?.removeAttribute("hidden");
  return new Log(list, following, search, told);
}
