// The world of a script. The value of this text is the function that runs one.
(() => {
  "use strict";

  const { send } = globalThis;
  delete globalThis.send;
  // Kept, because a script may give these names to something else.
  const { parse, stringify } = JSON;
  const { captureStackTrace } = Error;

  const LEVELS = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };

  let failure = null;
  let unsettled = false;
  let lastAssertion = null;

  const emit = (...message) => send(stringify(message));

  const show = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    try {
      return stringify(value) ?? String(value);
    } catch {
      return String(value);
    }
  };

  const makeConsole = (limits) => {
    let lines = 0;
    const write = (level) => (...values) => {
      lines += 1;
      if (lines <= limits.shown_lines) {
        const text = values.map(show).join(" ");
        const cut = text.length > limits.line_characters;
        emit("log", level, cut ? `${text.slice(0, limits.line_characters)}…` : text);
      } else if (lines === limits.shown_lines + 1) {
        emit("log", "warn", `lines after the first ${limits.shown_lines} are not shown`);
      }
    };
    return Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, write(level)]));
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
    // An engine without memory for an error object throws null.
    const message = thrown === null
      ? "null was thrown, which is also what happens when the memory limit is reached"
      : `uncaught: ${show(thrown)}`;
    return { message, stack: "", assertion: false };
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
    return () => stringify(
      unsettled
        ? { message: "the script waits for a promise that nothing settles", stack: "", assertion: false }
        : failure,
    );
  };
})()
