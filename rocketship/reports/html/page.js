"use strict";
(() => {
  const tests = [...document.querySelectorAll(".test")];
  const search = document.getElementById("search");
  const failed = document.getElementById("failed");
  const shown = document.getElementById("shown");
  const words = tests.map((test) => test.textContent.toLowerCase());
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = failed.getAttribute("aria-pressed") === "true";
    let count = 0;
    tests.forEach((test, index) => {
      const fits = wanted.every((word) => words[index].includes(word));
      test.hidden = !fits || (only && !test.classList.contains("bad"));
      count += test.hidden ? 0 : 1;
    });
    shown.textContent = count === tests.length ? "" : `${count} of ${tests.length}`;
  };
  search.addEventListener("input", filter);
  failed.addEventListener("click", () => {
    failed.setAttribute("aria-pressed", String(failed.getAttribute("aria-pressed") !== "true"));
    filter();
  });
  document.getElementById("tools").hidden = tests.length < 2;
})();
