/** Waiting that can be given up. */

/** Resolves after `ms`; rejects with the signal's reason when that comes first. */
export function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return abortable(over, signal).finally(() => clearTimeout(timer));
}

/** The same promise, but rejected as soon as the signal is aborted. */
export function abortable<T>(work: Promise<T>, signal?: AbortSignal | null): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const over = () => reject(signal.reason as Error);
    if (signal.aborted) return over();
    signal.addEventListener("abort", over);
    const done = () => signal.removeEventListener("abort", over);
    work.then(resolve, reject).finally(done);
  });
}

/** Aborted when any of them is. */
export function anySignal(...signals: (AbortSignal | null | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal != null);
  return given.length === 1 ? given[0]! : AbortSignal.any(given);
}
