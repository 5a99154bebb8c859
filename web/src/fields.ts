// The places of a page that change: a status, counts, a meter, how long it took.

import { duration } from "./time.js";

export interface Counts {
  total: number;
  passed: number;
  bad: number;
}

export function field(root: ParentNode, name: string): HTMLElement | null {
  return root.querySelector<HTMLElement>(`[data-field="${name}"]`);
}

export function setStatus(root: ParentNode, status: string): void {
  const place = field(root, "status");
  const word = status.toLowerCase();
  if (!place || place.textContent === word) return;
  place.textContent = word;
  place.className = `badge is-${word}`;
}

export function setCounts(root: ParentNode, counts: Counts): void {
  const place = field(root, "counts");
  if (place) place.textContent = `${counts.passed}/${counts.total}`;
}

export function setMeter(root: ParentNode, counts: Counts): void {
  const meter = field(root, "meter");
  const part = 100 / (counts.total || 1);
  meter?.querySelector(".passed")?.setAttribute("width", String(counts.passed * part));
  meter?.querySelector(".failed")?.setAttribute("x", String(counts.passed * part));
  meter?.querySelector(".failed")?.setAttribute("width", String(counts.bad * part));
}

export function setTook(root: ParentNode, seconds: number): void {
  const place = field(root, "took");
  if (!place) return;
  delete place.dataset.since;
  place.textContent = duration(seconds);
}

export function setSince(root: ParentNode, at: number): void {
  const place = field(root, "took");
  if (place) place.dataset.since = String(at);
}

export function setDoing(root: ParentNode, text: string): void {
  const place = field(root, "doing");
  if (place) place.textContent = text;
}
