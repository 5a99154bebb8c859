const ready = false;

if (!ready) {
  throw new Error("not ready");
}
