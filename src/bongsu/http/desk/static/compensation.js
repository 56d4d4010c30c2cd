// While a programme is written, say what is wrong in it. Without this the button "check" does the same.
(() => {
  const form = document.querySelector("form[data-check]");
  const problems = document.getElementById("problems");
  if (!form || !problems) return;
  const PAUSE_MS = 600;
  let timer = 0;
  let latest = 0;

  async function check() {
    const number = ++latest;
    const body = new URLSearchParams(new FormData(form));
    body.set("part", "1");
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body });
      if (answer.ok && number === latest) problems.innerHTML = await answer.text();
    } catch {
      // Out of reach for now: the next change asks again.
    }
  }

  form.elements.text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  });
})();
