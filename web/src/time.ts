// Times as people say them, kept true while they look.

const UNITS: [number, string][] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "m"],
];

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 60) return `${seconds.toFixed(1).replace(/\.0$/, "")}s`;
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "m"],
    [whole % 60, "s"],
  ];
  return parts.filter(([count]) => count > 0).map(([count, unit]) => count + unit).join("");
}

function age(at: number): string {
  const seconds = (Date.now() - at) / 1000;
  for (const [length, letter] of UNITS) {
    if (seconds >= length) return `${Math.floor(seconds / length)}${letter} ago`;
  }
  return "just now";
}

function tick(): void {
  for (const place of document.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    put(place, age(Date.parse(place.dateTime)));
  }
  for (const place of document.querySelectorAll<HTMLElement>("[data-since]")) {
    const seconds = Date.now() / 1000 - Number(place.dataset.since);
    put(place, duration(Math.max(Math.floor(seconds), 0)));
  }
}

function put(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

export function keepTime(): void {
  tick();
  setInterval(tick, 1000);
}
