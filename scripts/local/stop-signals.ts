/** Not SIGHUP: a listener would undo `nohup`; without one a closed terminal ends the process, and the watchdog its children. */
const SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** npm passes Ctrl-C on to its child, which the terminal has told already: within this many ms two count as one. */
const SAME_PRESS = 1000;

/**
 * Calls back when the run shall end: with 1 for the first Ctrl-C or SIGTERM, with 2 for the next ...
 * Also when npm, which passes signals on but cannot pass on its own SIGKILL, is gone (`underNpm`).
 */
export function onStopSignals(listener: (count: number) => void, underNpm = false): { cancel: () => void } {
  let count = 0;
  let last = 0;
  const listen = () => {
    if (Date.now() - last < SAME_PRESS) return;
    last = Date.now();
    listener(++count);
  };
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (!underNpm || process.ppid === parent) return;
    clearInterval(watch);
    listen();
  }, 500).unref();
  for (const signal of SIGNALS) process.on(signal, listen);
  return {
    cancel: () => {
      clearInterval(watch);
      for (const signal of SIGNALS) process.off(signal, listen);
    },
  };
}
