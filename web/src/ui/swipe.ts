/** A finger that draws a panel aside, to where it came from. */

const FAR_PIXELS = 70; // to mean it
const STRAIGHT = 2; // so many times farther across than along

/** Handlers for an element that a swipe towards the end of the line puts away; what scrolls sideways within it keeps its own. */
export function swipes(away: () => void) {
  let start: { x: number; y: number } | null = null;
  return {
    onTouchStart: ({ touches, target }: TouchEvent) => {
      const finger = touches.length === 1 && !scrollsSideways(target as Element) ? touches[0]! : null;
      start = finger && { x: finger.clientX, y: finger.clientY };
    },
    onTouchEnd: ({ changedTouches }: TouchEvent) => {
      const [from, finger] = [start, changedTouches[0]];
      start = null;
      if (!from || !finger || getSelection()?.toString()) return;
      const [across, along] = [finger.clientX - from.x, Math.abs(finger.clientY - from.y)];
      const towardsEnd = document.dir === "rtl" ? -across : across;
      if (towardsEnd > FAR_PIXELS && towardsEnd > along * STRAIGHT) away();
    },
    onTouchCancel: () => (start = null),
  };
}

function scrollsSideways(target: Element): boolean {
  for (let each: Element | null = target; each; each = each.parentElement) {
    if (each.matches("input, textarea")) return true; // the caret is moved there
    if (each.scrollWidth > each.clientWidth && /auto|scroll/.test(getComputedStyle(each).overflowX)) return true;
  }
  return false;
}
