/** What a request answered, for a view: the answer of the latest question counts, an earlier one that comes late does not. */

import { useEffect, useState } from "preact/hooks";

export interface Answer<T> {
  value: T | null;
  error: unknown; // null unless it failed
  waiting: boolean;
}

/** `ask` is called anew when `key` changes; null asks nothing. */
export function useAnswer<T>(key: string | null, ask: () => Promise<T>): Answer<T> & { set(value: T): void } {
  const [answer, setAnswer] = useState<Answer<T>>({ value: null, error: null, waiting: key !== null });
  useEffect(() => {
    if (key === null) return setAnswer({ value: null, error: null, waiting: false });
    let isLatest = true;
    setAnswer((before) => ({ ...before, error: null, waiting: true }));
    ask().then(
      (value) => isLatest && setAnswer({ value, error: null, waiting: false }),
      (error: unknown) => isLatest && setAnswer({ value: null, error, waiting: false }),
    );
    return () => {
      isLatest = false;
    };
  }, [key]);
  return { ...answer, set: (value) => setAnswer({ value, error: null, waiting: false }) };
}
