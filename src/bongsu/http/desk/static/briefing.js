// New lines of a live briefing, without reloading. Without this file the page reloads by itself.
"use strict";
const transcript = document.querySelector("ol.transcript");
const state = document.querySelector("[data-states]");
const words = JSON.parse(state.dataset.states);
const earlier = document.querySelector("[data-earlier]");
const source = new EventSource(transcript.dataset.stream);

source.addEventListener("line", (event) => {
  const line = JSON.parse(event.data);
  const id = `line-${line.number}`;
  if (document.getElementById(id)) return;
  const item = document.createElement("li");
  item.id = id;
  const at = document.createElement("span");
  at.className = "when";
  at.textContent = line.at;
  const speaker = document.createElement("span");
  speaker.className = "speaker";
  speaker.textContent = line.speaker;
  const text = document.createElement("div");
  text.className = "prose";
  text.textContent = line.text;
  item.append(at, " ", speaker, text);
  transcript.append(item);
  while (transcript.children.length > Number(transcript.dataset.linesMax)) {
    transcript.firstElementChild.remove();
    earlier.hidden = false;
    const first = Number(transcript.firstElementChild.id.slice(5));
    earlier.search = `?after=${Math.max(0, first - 1 - Number(transcript.dataset.linesMax))}`;
  }
  const corrected = line.corrects && document.getElementById(`line-${line.corrects}`);
  if (corrected) corrected.querySelector(".prose").classList.add("corrected");
});
// So far behind that what came between is not sent any more.
source.addEventListener("reload", () => {
  source.close();
  location.reload();
});
source.addEventListener("state", (event) => {
  state.textContent = words[event.data];
  if (event.data === "ended") source.close();
});
