// Prints what the EventSource of an npm package gives, a JSON line each, and closes it when the
// input ends. Nothing else ends the process, so it goes on for as long as the EventSource does.
const [name, url] = process.argv.slice(2);
const { EventSource } = await import(name);
const source = new EventSource(url);

const say = (line) => console.log(JSON.stringify(line));
const sayState = () => say({ state: ["connecting", "open", "closed"][source.readyState] });

source.onopen = source.onerror = sayState;
for (const type of ["message", "reset"]) {
  source.addEventListener(type, ({ data, lastEventId: id }) => say({ type, data, id }));
}
process.stdin.resume().on("end", () => {
  source.close();
  sayState();
});
