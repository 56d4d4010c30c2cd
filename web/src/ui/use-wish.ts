/**
 * A choice that the server has to agree to: what the person chose is shown at once, and until the server tells of it by
 * the usual way; a refusal is told and taken back. Nothing is disabled meanwhile, so the keyboard stays where it is.
 */

import { useEffect, useState } from "preact/hooks";

import { inPlainWords } from "./errors";
import { tell } from "./question";

export function useWish<T>(now: T, act: (wanted: T) => Promise<unknown>): [shown: T, wish: (wanted: T) => void] {
  const [wanted, setWanted] = useState<{ value: T } | null>(null);
  useEffect(() => setWanted(null), [now]);
  const wish = (value: T) => {
    setWanted({ value });
    act(value).catch((error: unknown) => {
      setWanted(null);
      tell(inPlainWords(error));
    });
  };
  return [wanted ? wanted.value : now, wish];
}
