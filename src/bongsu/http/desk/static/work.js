// Does the work that a form asks for, a slice at a time, so that the page stays usable; then sends it.
"use strict";
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const answer = form.elements.namedItem("work_answer");
  if (!answer || answer.value) return;
  event.preventDefault();
  const challenge = form.elements.namedItem("work_challenge").value;
  const bits = Number(challenge.split(".")[0]);
  const encoder = new TextEncoder();
  for (let number = 0; ; number++) {
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}.${number}`)));
    if (zeros(digest) >= bits) {
      answer.value = String(number);
      form.requestSubmit(event.submitter);
      return;
    }
  }
});

function zeros(digest) {
  let count = 0;
  for (const byte of digest) {
    if (byte === 0) { count += 8; continue; }
    return count + Math.clz32(byte) - 24;
  }
  return count;
}
