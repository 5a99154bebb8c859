// The page as the server draws it: fetched again, exchanged in place, and navigated by fetch while a
// token is held, because leaving the page would forget it.

import { request, signedIn } from "./session.js";

export interface Drawn {
  document: Document;
  address: string;
  ok: boolean;
}

export async function draw(address: string, init: RequestInit = {}): Promise<Drawn> {
  const response = await request(address, { ...init, headers: { accept: "text/html" } });
  const text = await response.text();
  return {
    document: new DOMParser().parseFromString(text, "text/html"),
    address: response.url || address,
    ok: response.ok,
  };
}

/** Show another page in this one; `begin` makes it live. */
export async function show(address: string, begin: () => void, init?: RequestInit): Promise<void> {
  const drawn = await draw(address, init);
  exchange(drawn.document);
  if (drawn.address !== location.href) history.pushState(null, "", drawn.address);
  document.getElementById("main")?.focus({ preventScroll: true });
  scrollTo(0, 0);
  begin();
}

export function exchange(drawn: Document): void {
  document.title = drawn.title;
  for (const selector of ["#main", ".top", "footer"]) {
    const fresh = drawn.querySelector(selector);
    if (fresh) document.querySelector(selector)?.replaceWith(fresh);
  }
}

export function navigateInPlace(begin: () => void): void {
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[href]");
    if (!link || !signedIn() || !plain(event) || link.origin !== location.origin) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    if (link.hasAttribute("download")) void download(link.href);
    else void show(link.href, begin);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!signedIn() || form.id === "sign-in") return;
    event.preventDefault();
    const address = new URL(form.action);
    if (form.method === "get") {
      address.search = new URLSearchParams(new FormData(form) as never).toString();
      void show(address.href, begin);
    } else {
      void show(address.href, begin, { method: "POST" });
    }
  });
  addEventListener("popstate", () => {
    if (signedIn()) void show(location.href, begin);
  });
}

async function download(address: string): Promise<void> {
  const response = await request(address);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  link.download = named?.[1] ?? "report";
  link.click();
  URL.revokeObjectURL(link.href);
}

function plain(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
