// What the pages of the demos share: a stream that goes on, and a list of what has happened.

// In milliseconds.
const FIRST_REBUILD_WITHIN = 2000;
const REBUILD_WITHIN = 30_000;
const ROWS_KEPT = 100;

export const byId = (id) => document.getElementById(id);

// An EventSource that also goes on where a browser gives up, as after a proxy's 502. `listeners`
// has a function for each type of event. The returned function ends it.
export function openStream(address, listeners) {
  let source = null;
  let timer = 0;
  let rebuilds = 0;
  let lastEventId = "";

  function start() {
    const url = new URL(address, location.href);
    // A new EventSource does not know what the old one did.
    if (lastEventId) url.searchParams.set("lastEventId", lastEventId);
    source = new EventSource(url);
    source.onopen = source.onerror = follow;
    for (const [type, listener] of Object.entries(listeners)) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) lastEventId = event.lastEventId;
        listener(event);
      });
    }
    showState("connecting");
  }

  // Looks at readyState, not at the event: a server may send events of the type "error" or "open".
  function follow() {
    showState(["connecting", "open", "connecting"][source.readyState]);
    if (source.readyState === EventSource.OPEN) rebuilds = 0;
    if (source.readyState !== EventSource.CLOSED) return;
    const within = Math.min(FIRST_REBUILD_WITHIN * 2 ** rebuilds++, REBUILD_WITHIN);
    clearTimeout(timer);
    timer = setTimeout(start, within * (1 + Math.random()) / 2);
  }

  start();
  return () => {
    clearTimeout(timer);
    source.close();
    showState("closed");
  };
}

export function showState(state) {
  const light = byId("state");
  // Writing the same word again would make screen readers repeat it.
  if (light.dataset.state === state) return;
  light.dataset.state = state;
  light.textContent = state;
}

// Adds a row on top of a list. What others wrote is only ever text.
export function log(list, label, text, time = new Date()) {
  const row = document.createElement("li");
  const clock = document.createElement("time");
  clock.dateTime = time.toISOString();
  clock.textContent = time.toLocaleTimeString("en-GB");
  const content = document.createElement("span");
  const name = document.createElement("b");
  name.textContent = label;
  content.append(name, text);
  row.append(clock, content);
  list.prepend(row);
  while (list.childElementCount > ROWS_KEPT) list.lastElementChild.remove();
  return row;
}

// Posts, and shows in `problem` what the server has against it. Returns whether all is well.
export async function post(path, content, problem) {
  let sentence = "";
  try {
    const response = await fetch(path, {
      method: "POST",
      body: content === undefined ? undefined : JSON.stringify(content),
    });
    if (!response.ok) sentence = await response.text();
  } catch {
    sentence = "The server could not be reached.";
  }
  problem.textContent = sentence;
  return sentence === "";
}
