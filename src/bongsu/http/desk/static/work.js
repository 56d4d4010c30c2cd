// Does the work that a form asks for, a slice at a time so that the page stays usable, then sends it.
// SHA-256 (FIPS 180-4) stands here, for the browser's own takes a task a hash: too slow for thousands.
"use strict";
const SLICE = 5000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  const answer = form.elements.namedItem("work_answer");
  if (!answer || answer.value) return;
  event.preventDefault();
  const challenge = form.elements.namedItem("work_challenge").value;
  const bits = Number(challenge.split(".")[0]);
  let number = 0;
  const slice = () => {
    for (const end = number + SLICE; number < end; number++) {
      if (zeros(sha256(`${challenge}.${number}`)) >= bits) {
        answer.value = String(number);
        form.requestSubmit(event.submitter);
        return;
      }
    }
    setTimeout(slice);
  };
  setTimeout(slice);  // a form cannot be sent again from within its own event
});

// How many zero bits the eight words of a hash begin with.
function zeros(words) {
  let count = 0;
  for (const word of words) {
    if (word !== 0) return count + Math.clz32(word);
    count += 32;
  }
  return count;
}

const K = new Uint32Array(64);
const INITIAL = new Uint32Array(8);
for (let candidate = 2, found = 0; found < 64; candidate++) {
  let isPrime = true;
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) {
    if (candidate % divisor === 0) { isPrime = false; break; }
  }
  if (!isPrime) continue;
  const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) >>> 0;
  if (found < 8) INITIAL[found] = fraction(Math.sqrt(candidate));
  K[found++] = fraction(Math.cbrt(candidate));
}

const turn = (x, n) => (x >>> n) | (x << (32 - n));

// Of ASCII text, as eight words.
function sha256(text) {
  const blocks = ((text.length + 8) >> 6) + 1;
  const words = new Uint32Array(blocks * 16);
  for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i & 3) * 8);
  words[text.length >> 2] |= 0x80 << (24 - (text.length & 3) * 8);
  words[words.length - 1] = text.length * 8;
  const hash = INITIAL.slice();
  const w = new Uint32Array(64);
  for (let start = 0; start < words.length; start += 16) {
    w.set(words.subarray(start, start + 16));
    for (let i = 16; i < 64; i++) {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    let e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (let i = 0; i < 64; i++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    hash[0] += a; hash[1] += b; hash[2] += c; hash[3] += d;
    hash[4] += e; hash[5] += f; hash[6] += g; hash[7] += h;
  }
  return hash;
}
