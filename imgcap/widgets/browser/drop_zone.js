// Offers files to Python, and sends those it wants in pieces, at the pace at which it answers.

const CHUNK = 2 ** 20;
const AHEAD = 4 * CHUNK; // on the way without an answer yet: a distant server is kept busy
const PATIENCE = 120_000;
const ASK_AGAIN = 500;
const STILL_THERE = 700; // a drag that goes on is told of at least every 550 ms
const LONG = 2 * CHUNK; // from here on a bar is worth looking at

class Unreadable extends Error {}
class NoAnswer extends Error {}

function element(tag, className, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), { className }, properties);
  made.append(...children);
  return made;
}

// One file's exchange of messages with Python.
class Talk {
  static #last = 0;
  #model;
  #signal;
  #answers = [];
  #wake = () => {};
  #id = `${crypto.getRandomValues(new Uint32Array(2)).join("-")}-${++Talk.#last}`;

  constructor(model, signal) {
    this.#model = model;
    this.#signal = signal;
    model.on("msg:custom", this.#hear);
    signal.addEventListener("abort", this.#stir);
  }

  #hear = (message) => {
    if (message?.id !== this.#id) return;
    this.#answers.push(message);
    this.#wake();
  };

  #stir = () => this.#wake();

  say(type, fields = {}, buffers = []) {
    try {
      this.#model.send({ type, id: this.#id, ...fields }, undefined, buffers);
    } catch {
      throw new NoAnswer(); // the kernel is gone
    }
  }

  async answer() {
    const deadline = Date.now() + PATIENCE;
    while (this.#answers.length === 0) {
      this.#signal.throwIfAborted();
      const left = deadline - Date.now();
      if (left <= 0) throw new NoAnswer();
      await this.#pause(left);
    }
    this.#signal.throwIfAborted();
    return this.#answers.shift();
  }

  async offer(file) {
    for (;;) {
      this.say("offer", { name: file.name, size: file.size });
      const reply = await this.answer();
      if (reply.type !== "wait") return reply;
      await this.#pause(ASK_AGAIN);
    }
  }

  close() {
    this.#model.off("msg:custom", this.#hear);
    this.#signal.removeEventListener("abort", this.#stir);
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function read(file, start) {
  const piece = await file
    .slice(start, start + CHUNK)
    .arrayBuffer()
    .catch(() => new ArrayBuffer());
  if (piece.byteLength === 0) throw new Unreadable();
  return piece;
}

async function converse(talk, file, progress) {
  let reply = await talk.offer(file);
  let sent = 0;
  while (reply.type === "go" || reply.type === "got") {
    const received = reply.received ?? 0;
    progress(received);
    while (sent < file.size && sent - received < AHEAD) {
      const piece = await read(file, sent);
      talk.say("chunk", { offset: sent }, [piece]);
      sent += piece.byteLength;
    }
    reply = await talk.answer();
  }
  return reply;
}

// Returns the sentence that says why the file was not taken; empty if it was, null if cancelled.
async function upload(model, file, signal, progress) {
  const talk = new Talk(model, signal);
  try {
    const reply = await converse(talk, file, progress).catch(async (error) => {
      if (!(error instanceof Unreadable)) throw error;
      talk.say("stop", { reason: "unreadable" });
      let last;
      do last = await talk.answer();
      while (last.type === "got");
      return last;
    });
    return reply.sentence ?? "";
  } catch (error) {
    try {
      talk.say("stop", { reason: signal.aborted ? signal.reason : "lost" });
    } catch {
      // nobody is there to be told
    }
    if (signal.aborted) return null;
    return `The server does not answer; “${file.name}” was not uploaded.`;
  } finally {
    talk.close();
  }
}

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);

function render({ model, el }) {
  const view = new AbortController();
  const { signal } = view;
  let running = null; // aborts the upload that is under way
  let queue = [];
  let total = 0;
  let arrived = [];
  let ownDrag = false;
  let gone = null; // takes the overlay away when a drag is heard of no more

  const input = element("input", "", { type: "file", multiple: true, hidden: true, tabIndex: -1 });
  const button = element("button", "imgcap-button imgcap-button-main", { type: "button" });
  const hint = element("span", "imgcap-drop-hint");
  const bar = element("progress", "imgcap-drop-bar");
  const amount = element("span", "imgcap-drop-amount");
  const cancel = element("button", "imgcap-button", { type: "button", textContent: "Cancel" });
  const transfer = element("div", "imgcap-drop-transfer", { hidden: true }, [bar, amount, cancel]);
  const status = element("p", "imgcap-drop-status");
  const problems = element("ul", "imgcap-drop-problems");
  const news = element("div", "imgcap-drop-news", { role: "status" }, [status, problems]);
  const overlay = element("div", "imgcap-browser imgcap-drop-overlay", { hidden: true }, [
    element("p", "", { textContent: "Drop the pictures anywhere" }),
  ]);
  overlay.setAttribute("aria-hidden", "true");
  el.classList.add("imgcap-browser", "imgcap-drop");
  el.setAttribute("role", "group");
  el.replaceChildren(input, button, hint, transfer, news);
  document.body.append(overlay);

  function describe() {
    button.textContent = model.get("label");
    el.setAttribute("aria-label", model.get("label"));
    hint.textContent = ["or drop or paste them here", model.get("hint")].filter(Boolean).join(" · ");
    input.accept = model.get("accept").join(",");
  }

  function complain(sentence) {
    problems.append(element("li", "", { textContent: sentence }));
  }

  async function leaveOut(count) {
    const talk = new Talk(model, signal);
    try {
      talk.say("surplus", { count });
      complain((await talk.answer()).sentence);
    } catch {
      complain(`${count} of the files were left out.`);
    } finally {
      talk.close();
    }
  }

  function add(files) {
    files = [...files];
    if (files.length === 0) return;
    if (!running) {
      problems.replaceChildren();
      [total, arrived] = [0, []];
    }
    const room = Math.max(0, model.get("max_files") - queue.length);
    if (files.length > room) leaveOut(files.length - room);
    files = files.slice(0, room);
    total += files.length;
    queue.push(...files);
    if (!running) work();
  }

  async function work() {
    let cancelled = false;
    while (queue.length > 0 && !signal.aborted) {
      const file = queue.shift();
      running = new AbortController();
      const which = total > 1 ? ` ${total - queue.length} of ${total}` : "";
      status.textContent = `Uploading${which}: “${file.name}”`;
      const sentence = await upload(model, file, running.signal, (received) => {
        transfer.hidden = file.size < LONG && total === 1;
        bar.setAttribute("aria-label", `Upload of ${file.name}`);
        [bar.max, bar.value] = [file.size, received];
        amount.textContent = `${megabytes(received)} of ${megabytes(file.size)} MB`;
      });
      cancelled ||= sentence === null;
      if (sentence === "") arrived.push(file.name);
      else if (sentence) complain(sentence);
    }
    running = null;
    const focused = transfer.contains(document.activeElement);
    transfer.hidden = true;
    if (focused) button.focus();
    const what = arrived.length === 1 ? `“${arrived[0]}” arrived.` : `${arrived.length} files arrived.`;
    status.textContent = [cancelled ? "Upload cancelled." : "", arrived.length > 0 ? what : ""]
      .filter(Boolean)
      .join(" ");
  }

  function stop(reason) {
    queue = [];
    running?.abort(reason);
  }

  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  // A picture of this page that is dragged about is nothing new.
  const brings = (event) => !ownDrag && event.dataTransfer?.types.includes("Files");

  function over(event) {
    if (!brings(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    overlay.hidden = false;
    clearTimeout(gone);
    gone = setTimeout(() => (overlay.hidden = true), STILL_THERE);
  }

  function drop(event) {
    overlay.hidden = true;
    if (event.defaultPrevented || !brings(event)) return;
    event.preventDefault();
    add(event.dataTransfer.files);
  }

  function paste(event) {
    const { files, types } = event.clipboardData ?? { files: [] };
    // Office programs add a picture to the text that they copy: in a text field the text is meant.
    const intoText = event.target.closest?.("input, textarea, [contenteditable=true]");
    if (event.defaultPrevented || files.length === 0) return;
    if (intoText && types.includes("text/plain")) return;
    event.preventDefault();
    add(files);
  }

  listen(button, "click", () => input.click());
  listen(input, "change", () => {
    add(input.files);
    input.value = ""; // so that the same file again is a change again
  });
  listen(cancel, "click", () => stop("cancelled"));
  listen(window, "dragstart", () => (ownDrag = true));
  listen(window, "dragend", () => (ownDrag = false));
  listen(window, "dragenter", over);
  listen(window, "dragover", over);
  listen(el, "drop", drop); // the zone before the page, for pages with several zones
  listen(window, "drop", drop);
  listen(window, "paste", paste);
  listen(window, "pagehide", () => stop("lost"));
  model.on("change:label change:hint change:accept", describe);
  describe();

  return () => {
    model.off("change:label change:hint change:accept", describe);
    stop("lost");
    view.abort();
    overlay.remove();
  };
}

export default { render };
