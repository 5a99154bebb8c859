// What makes the pages live. Everything here is a comfort: without it they show and do the same.

import { draw, navigateInPlace, show } from "./page.js";
import { watchRun } from "./run.js";
import { watchRuns } from "./runs.js";
import { signedIn, signIn } from "./session.js";
import { stop } from "./stream.js";
import { keepTime } from "./time.js";

function begin(): void {
  stop();
  const main = document.getElementById("main");
  if (!main) return;
  if (main.dataset.live === "runs") watchRuns(refused);
  if (main.dataset.page === "run") watchRun(main, refused);
  if (main.dataset.page === "sign-in") offerForm(main);
}

/** Tokens are kept by what is written here, so the form is of no use without it. */
function offerForm(main: HTMLElement): void {
  main.querySelector<HTMLElement>("#sign-in")?.removeAttribute("hidden");
  if (signedIn()) main.querySelector<HTMLElement>("#refused")?.removeAttribute("hidden");
  main.querySelector<HTMLInputElement>("#sign-in input")?.focus();
}

/** The token has expired, or was withdrawn: the server says what to do. */
function refused(): void {
  signIn("");
  void show(location.href, begin);
}

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.id !== "sign-in") return;
  event.preventDefault();
  const field = form.elements.namedItem("token") as HTMLInputElement;
  signIn(field.value);
  void show(location.href, begin);
});

// Steps of tests that passed are fetched when somebody wants to see them.
document.addEventListener(
  "toggle",
  (event) => {
    const details = event.target as HTMLDetailsElement;
    const address = details.open ? details.dataset.load : undefined;
    if (address) void load(details, address);
  },
  true,
);

async function load(details: HTMLDetailsElement, address: string): Promise<void> {
  delete details.dataset.load;
  const drawn = await draw(address).catch(() => undefined);
  const fresh = drawn?.document.querySelector(".test > details");
  if (!drawn?.ok || !fresh) {
    details.dataset.load = address;
    return;
  }
  for (const old of details.querySelectorAll(":scope > :not(summary)")) old.remove();
  details.append(...[...fresh.children].filter((child) => child.tagName !== "SUMMARY"));
}

navigateInPlace(begin);
keepTime();
begin();
