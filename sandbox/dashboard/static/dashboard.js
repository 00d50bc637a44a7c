// What pages do better with a script; all of them work without. Nothing here reads or writes anything but this page.
"use strict";

// A call opens below its row, instead of on a page of its own.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const row = link.closest("tr");
  const next = row.nextElementSibling;
  if (next && next.classList.contains("detail")) {
    next.remove();
    row.classList.remove("open");
    link.setAttribute("aria-expanded", "false");
    return;
  }
  let answer;
  try {
    answer = await fetch(link.href + "?part=1");
  } catch {
    answer = null;
  }
  if (!answer || !answer.ok) {
    window.location = link.href;
    return;
  }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  const detail = document.createElement("tr");
  detail.className = "detail";
  const cell = detail.insertCell();
  cell.colSpan = row.cells.length;
  cell.append(...part.body.childNodes);
  row.after(detail);
  row.classList.add("open");
  link.setAttribute("aria-expanded", "true");
});

// A click on an id takes it to the clipboard, and says so for a moment.
document.addEventListener("click", async (event) => {
  const id = event.target.closest(".id");
  if (!id || !navigator.clipboard) return;
  try {
    await navigator.clipboard.writeText(id.textContent);
  } catch {
    return;
  }
  id.classList.add("copied");
  setTimeout(() => id.classList.remove("copied"), 1200);
});

// What a page says of how a run stands, as it is by now; where the page is scrolled to stays.
async function renew() {
  const answer = await fetch(window.location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const result = page.getElementById("result");
  if (result) {
    document.getElementById("result").replaceChildren(...result.childNodes);
    document.title = page.title;
  }
}

// A run that goes on: its tasks are shown as they begin and end.
const standing = document.querySelector("div[data-live]");
if (standing) {
  const status = document.getElementById("live");
  const stream = new EventSource(standing.dataset.live);
  stream.onopen = () => { status.textContent = "live"; };
  stream.onerror = () => { status.textContent = "reconnecting"; };
  stream.addEventListener("changed", renew);
  stream.addEventListener("end", () => {
    stream.close();
    status.textContent = "the run is over";
    renew();
  });
}

// A run that goes on: calls are put at the end; where the page stands stays where it is.
const table = document.querySelector("table[data-live]");
if (table) {
  const status = document.getElementById("live");
  const stream = new EventSource(table.dataset.live);
  let count = 0;
  const say = (text) => { status.textContent = text; };
  stream.onopen = () => say("live");
  stream.onerror = () => say(stream.readyState === EventSource.CLOSED ? "not live: load the page again" : "reconnecting");
  stream.addEventListener("calls", (message) => {
    const part = new DOMParser().parseFromString("<table><tbody>" + message.data + "</tbody></table>", "text/html");
    const rows = [...part.querySelectorAll("tr")];
    table.tBodies[0].append(...rows);
    count += rows.length;
    const empty = document.getElementById("no-calls");
    if (empty) empty.remove();
    say("live, " + count + (count === 1 ? " new call" : " new calls"));
  });
  stream.addEventListener("full", () => {
    stream.close();
    say("more has happened: load the page again, or go to the last page");
  });
  stream.addEventListener("end", async () => {
    stream.close();
    say("the task run is over");
    await renew();
  });
}
