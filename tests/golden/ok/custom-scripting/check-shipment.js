function label(code, carriers) {
  return `${code} by ${carriers.split(" ")[0]}`;
}

const tags = JSON.parse(state.tags);
assert(tags.some((tag) => tag === "metal"), "no metal");
assert("{{ code }}" === state.code, "files are templates too");
save("label", label(state.code, state.carriers));
save("tag_count", tags.length);
console.log("checked", state.code);
