// Keeps an unfinished form in this browser (localStorage), so that nothing typed is lost when the
// page, the network or our servers go. Not on a server: what is not sent is nobody's business, and it
// works while every database is down. Payout details and files are never kept.
"use strict";
const DAYS_MAX = 7;
const PAUSE_MS = 400;
const storage = (() => { try { return window.localStorage; } catch { return null; } })();

const sent = document.querySelector("[data-draft-sent]");
if (sent && storage) storage.removeItem(`draft ${sent.dataset.draftSent}`);

const form = document.querySelector("form[data-draft]");
if (form) {
  setOffset(form);
  if (storage) keep(form, `draft ${form.dataset.draft}`);
}

// The visitor's own time zone, unless one was chosen already.
function setOffset(form) {
  const select = form.elements.namedItem("utc_offset");
  if (select.querySelector("option[selected]")) return;
  select.value = String(-new Date().getTimezoneOffset());
  if (!select.value) select.value = "540";
}

function keep(form, name) {
  form.querySelector("[data-draft-hint]").hidden = false;
  const isShownAgain = document.querySelector("[role=alert]") !== null;
  const draft = read(name);
  if (draft && !isShownAgain) {
    restore(form, draft.fields);
    form.querySelector("[data-draft-restored]").hidden = false;
  }
  let timer = 0;
  const save = () => {
    clearTimeout(timer);
    timer = setTimeout(() => write(form, name), PAUSE_MS);
  };
  form.addEventListener("input", save);
  form.addEventListener("change", save);
  window.addEventListener("pagehide", () => { if (timer) write(form, name); });
  form.querySelector("[data-draft-discard]").addEventListener("click", () => {
    clearTimeout(timer);
    timer = 0;
    storage.removeItem(name);
    window.location.reload();
  });
}

function fieldsOf(form) {
  return [...form.elements].filter((field) => field.name && field.type !== "file"
    && !("undrafted" in field.dataset)
    && (field.type !== "hidden" || "draftKey" in field.dataset));
}

function write(form, name) {
  const fields = fieldsOf(form)
    .filter((field) => (field.type === "checkbox" ? field.checked : field.value))
    .map((field) => [field.name, field.value]);
  try { storage.setItem(name, JSON.stringify({ saved: Date.now(), fields })); } catch { /* full */ }
}

function read(name) {
  try {
    const draft = JSON.parse(storage.getItem(name));
    if (draft && Date.now() - draft.saved < DAYS_MAX * 86_400_000) return draft;
    storage.removeItem(name);
  } catch { /* not ours */ }
  return null;
}

function restore(form, fields) {
  for (const field of fieldsOf(form)) {
    const values = fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.type === "checkbox") field.checked = values.includes(field.value);
    else if (values.length) field.value = values[0];
  }
}
