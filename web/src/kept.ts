/** Small things that this browser remembers. Full or forbidden storage forgets them with the page, and breaks nothing else. */

export function keepText(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch (error) {
    console.warn(`${key} is not kept in this browser:`, error);
  }
}
