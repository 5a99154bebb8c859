// The world of a script. The value of this text is the function that runs one.
(() => {
  "use strict";

  const { send } = globalThis;
  delete globalThis.send;
  // Kept, because a script may give these names to something else.
  const { parse, stringify } = JSON;
  const { captureStackTrace } = Error;
  const { values } = Object;

  const LEVELS = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };

  let failure = null;
  let unsettled = false;
  let lastAssertion = null;
  const lastLines = [];

  const emit = (...message) => send(stringify(message));

  // Values inside others: JSON where that can tell them, and what a console writes where it cannot.
  const inspect = (value, around) => {
    if (Object.is(value, -0)) return "-0";
    if (typeof value === "function") return `[Function: ${value.name || "anonymous"}]`;
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "string") return stringify(value);
    if (typeof value !== "object" || value === null) return String(value);
    if (value instanceof Error) return String(value);
    if (around.includes(value)) return "[Circular]";
    if (typeof value.toJSON === "function") return inspect(value.toJSON(), [...around, value]);
    const inner = (item) => inspect(item, [...around, value]);
    if (Array.isArray(value)) return `[${Array.from(value, inner).join(",")}]`;
    const pairs = Object.entries(value);
    return `{${pairs.map(([name, item]) => `${stringify(name)}:${inner(item)}`).join(",")}}`;
  };

  const show = (value) => {
    if (typeof value === "string") return value;
    try {
      return inspect(value, []);
    } catch {
      return String(value);
    }
  };

  const makeConsole = (limits) => {
    let lines = 0;
    const write = (level) => (...values) => {
      lines += 1;
      if (lines === limits.shown_lines + 1) {
        emit("log", "warn", `from here on only the last ${limits.last_lines} lines are shown`);
      }
      const text = values.map(show).join(" ");
      const cut = text.length > limits.line_characters;
      const message = ["log", level, cut ? `${text.slice(0, limits.line_characters)}…` : text];
      if (lines <= limits.shown_lines) emit(...message);
      else if (lastLines.push(message) > limits.last_lines) lastLines.shift();
    };
    return Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, write(level)]));
  };

  const deeper = (value, levels) => {
    if (typeof value !== "object" || value === null) return false;
    if (levels === 0) return true;
    for (const item of values(value)) if (deeper(item, levels - 1)) return true;
    return false;
  };

  const makeSave = (reserved, limits) => {
    let room = limits.saved_characters;
    const save = (key, value) => {
      const name = key === undefined ? "" : String(key);
      const refuse = (reason) => {
        const error = new TypeError(`save("${name}", …): ${reason}`);
        captureStackTrace(error, save);
        throw error;
      };
      if (name === "") refuse("the name must not be empty");
      if (reserved.includes(name)) refuse("the name is reserved, choose another one");
      if (value === undefined) refuse("the value is undefined; save null to keep nothing on purpose");
      if (typeof value === "number" && !Number.isFinite(value)) refuse(`${value} is not a JSON number`);
      if (typeof value === "bigint") refuse("JSON has no big integers; save String(value)");
      let json;
      try {
        json = stringify(value);
      } catch (error) {
        refuse(String(error));
      }
      if (json === undefined) refuse(`a ${typeof value} cannot be saved; save a value`);
      // What the text holds, as `toJSON` may have made it of something else.
      if (deeper(parse(json), limits.saved_levels)) {
        refuse(`there are more than ${limits.saved_levels} levels of lists and objects`);
      }
      room -= name.length + json.length;
      if (room < 0) refuse(`a script can save ${limits.saved_characters} characters in all`);
      send(`["save",${stringify(name)},${json}]`);
    };
    return save;
  };

  // A text is thrown and not an Error, because scripts catch it and look into the text.
  const assert = (condition, message) => {
    if (condition) return;
    const place = {};
    captureStackTrace(place, assert);
    const text = message === undefined ? "assertion failed" : `assertion failed: ${show(message)}`;
    lastAssertion = { message: text, stack: place.stack };
    throw text;
  };

  const report = (thrown) => {
    if (lastAssertion !== null && thrown === lastAssertion.message) {
      return { ...lastAssertion, assertion: true };
    }
    if (thrown instanceof Error) {
      return { message: String(thrown), stack: String(thrown.stack), assertion: false };
    }
    // What an engine throws that has no memory left for an error; whoever reads this knows it.
    if (thrown === null) return { message: "null", stack: "", assertion: false };
    return { message: `uncaught: ${show(thrown)}`, stack: "", assertion: false };
  };

  return (text) => {
    const { source, globals, reserved, limits } = parse(text);
    const console = makeConsole(limits);
    Object.assign(globalThis, globals, { assert, console, save: makeSave(reserved, limits) });
    const run = globalThis.eval;
    try {
      const value = run(source);
      if (value instanceof Promise) {
        unsettled = true;
        value.then(
          () => { unsettled = false; },
          (reason) => { unsettled = false; failure = report(reason); },
        );
      }
    } catch (thrown) {
      failure = report(thrown);
    }
    return () => {
      lastLines.forEach((message) => emit(...message));
      return stringify(
        unsettled
          ? { message: "the script waits for a promise that nothing settles", stack: "", assertion: false }
          : failure,
      );
    };
  };
})()
