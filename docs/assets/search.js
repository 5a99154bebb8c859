// Names are searched as names: the site's search would take `--fail-fast` for pages without these
// words, and ROCKETSHIP_RETENTION_DAYS for pages with any of them. It asks a worker; what is asked
// is changed on the way. In its language `+word` must be there, and `word*` is a beginning.
(() => {
  const QUERY = 2;
  const NAME = /^-{0,2}(\w+(?:[-_.]\w+)+|(?<=-)\w+)$/;
  // Words that are so short are not in the index, or say little.
  const SHORT = 3;

  function asName(word) {
    const name = NAME.exec(word);
    if (!name) return word;
    const parts = name[1].split(/[-_.]/).filter((part) => part.length > SHORT);
    const last = parts.pop() ?? name[1];
    return [...parts.map((part) => `+${part}`), last, `${last}*`].join(" ");
  }

  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    const asked = message?.type === QUERY && typeof message.data === "string";
    const data = asked ? message.data.split(/\s+/).map(asName).join(" ") : null;
    return post.call(this, asked ? { ...message, data } : message, ...rest);
  };
})();
