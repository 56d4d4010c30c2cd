/** A value once it has rested: what is typed is looked up when the person pauses. */

import { useEffect, useState } from "preact/hooks";

const REST_MS = 300;

export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
