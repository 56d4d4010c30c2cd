/**
 * The height that a keyboard on the screen leaves of the page. Most browsers make the page itself smaller, as its
 * viewport asks; Safari only moves it up under the keyboard: then the page is fitted into what is seen, and stays there.
 */

const TINY_PIXELS = 1; // of difference: rounding

/** Called once. `--height` is how high the page is, where that is less than the window. */
export function followViewport(seen: VisualViewport | null = window.visualViewport): void {
  if (!seen) return;
  const fit = () => {
    const isCovered = seen.scale === 1 && innerHeight - seen.height > TINY_PIXELS; // enlarged by fingers: nothing is covered
    const { style } = document.documentElement;
    if (isCovered) style.setProperty("--height", `${seen.height}px`);
    else style.removeProperty("--height");
    if (isCovered && seen.offsetTop) scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
}
