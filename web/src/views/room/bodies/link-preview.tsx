/** What a page linked in a message is about, as the server read it. */

export function LinkPreview(_: { url: string; at: number }) {
  return null;
}
