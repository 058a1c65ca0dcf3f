// A batch of files on its way to Python, which gets those it wants in pieces, at its own pace.
// The first part of the drop zone's module.

const CHUNK = 2 ** 20;
const AHEAD = 4 * CHUNK; // on the way without an answer yet: a distant server is kept busy
const PATIENCE = 120_000;
const ASK_AGAIN = 500;
const NOTICEABLE = 300; // what takes less needs no progress bar
const HASTE = 10_000; // a person who cancels waits no longer for a server to say yes

function element(tag, className, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), { className }, properties);
  made.append(...children);
  return made;
}

// One file's exchange of messages with Python; a server that is gone answers "silent".
class Talk {
  static #last = 0;
  #model;
  #answers = [];
  #wake = () => {};
  #id = `${crypto.getRandomValues(new Uint32Array(2)).join("-")}-${++Talk.#last}`;

  constructor(model) {
    this.#model = model;
    model.on("msg:custom", this.#hear);
  }

  #hear = (message) => {
    if (message?.id !== this.#id) return;
    this.#answers.push(message);
    this.#wake();
  };

  say(type, fields = {}, buffers = []) {
    try {
      this.#model.send({ type, id: this.#id, ...fields }, undefined, buffers);
    } catch {
      this.#hear({ type: "silent", id: this.#id });
    }
  }

  async answer() {
    if (this.#answers.length === 0) await this.pause(PATIENCE);
    return this.#answers.shift() ?? { type: "silent" };
  }

  // Ends early when Python says something.
  pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close() {
    this.#model.off("msg:custom", this.#hear);
  }
}

async function read(file, start) {
  const piece = await file
    .slice(start, start + CHUNK)
    .arrayBuffer()
    .catch(() => new ArrayBuffer());
  return piece.byteLength > 0 ? piece : null;
}

async function converse(talk, file, first, signal, progress) {
  const offer = () => talk.say("offer", { name: file.name, size: file.size, first });
  let sent = 0;
  offer();
  for (;;) {
    const reply = await talk.answer();
    if (reply.type === "wait") {
      await talk.pause(ASK_AGAIN);
      if (!signal.aborted) offer();
      continue;
    }
    if (reply.type !== "go" && reply.type !== "got") return reply;
    const received = reply.received ?? 0;
    progress(received);
    while (!signal.aborted && sent < file.size && sent - received < AHEAD) {
      const piece = await read(file, sent);
      if (signal.aborted) break;
      if (piece) talk.say("chunk", { offset: sent }, [piece]);
      else talk.say("stop", { reason: "unreadable" });
      sent = piece ? sent + piece.byteLength : file.size;
    }
  }
}

// Returns Python's last word on a file: "done", "refused", "stopped" or "silent".
async function upload(model, file, first, signal, progress) {
  const talk = new Talk(model);
  const stop = () => talk.say("stop", { reason: signal.reason });
  signal.addEventListener("abort", stop);
  const reply = await converse(talk, file, first, signal, progress);
  signal.removeEventListener("abort", stop);
  talk.close();
  return reply;
}

const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

function amountOf(part, whole) {
  const [unit, name] = whole < 2 ** 20 ? [2 ** 10, "kB"] : [2 ** 20, "MB"];
  const digits = whole < 10 * unit ? 1 : 0;
  return `${(part / unit).toFixed(digits)} of ${(whole / unit).toFixed(digits)} ${name}`;
}

// The files that a person brought together: how far they are, and what became of them.
class Batch {
  #model;
  #files;
  #count;
  #bytes; // of the files that may still be taken
  #before = 0; // bytes of the files that were
  #taken = [];
  #known = 0; // of those taken, which the app had already
  #refused = 0;
  #silent = false;
  #running = false;
  #stop = new AbortController();
  #what = element("span", "imgcap-drop-what");
  #cancel = element("button", "imgcap-button", { type: "button", textContent: "Cancel" });
  #bar = element("progress", "imgcap-drop-bar", { value: 0 });
  #amount = element("span", "imgcap-drop-amount");
  #transfer = element("div", "imgcap-drop-transfer", { hidden: true }, [
    ...[this.#what, this.#cancel, this.#bar, this.#amount],
  ]);
  #summary = element("p", "imgcap-drop-summary");
  #problems = element("ul", "imgcap-drop-problems");
  #news = element("div", "imgcap-drop-news", { role: "status" }, [this.#summary, this.#problems]);
  element = element("div", "imgcap-drop-batch", {}, [this.#transfer, this.#news]);
  left; // files that wait
  ended = false;

  constructor(model, files, room, passed = 0) {
    this.#model = model;
    this.#count = files.length;
    this.#files = files.slice(0, room);
    this.left = this.#files.length;
    this.#bytes = this.#files.reduce((sum, file) => sum + file.size, 0);
    this.#cancel.addEventListener("click", () => this.stop("cancelled"));
    this.#bar.setAttribute(
      "aria-label",
      `Upload of ${this.#count === 1 ? files[0].name : plural(this.#count, "file")}`,
    );
    this.#what.textContent = `Waiting: ${plural(this.left, "file")}`;
    setTimeout(() => (this.#transfer.hidden = this.ended), NOTICEABLE);
    if (passed > 0) {
      const nothing = files.length === 0 ? "There is no picture in it: " : "";
      this.#complain(`${nothing}${plural(passed, "other or hidden file")} passed over.`, 0);
    } else if (files.length === 0) this.#complain("The folder is empty.", 0);
    const surplus = files.length - this.left;
    if (surplus === 0) return;
    const most = `At most ${plural(model.get("max_files"), "file")} can wait at once`;
    this.#complain(`${most}; ${plural(surplus, "file")} left out.`, surplus);
  }

  async run() {
    this.#running = true;
    const { signal } = this.#stop;
    const abandoned = new Promise((resolve) => {
      const giveUp = () => setTimeout(resolve, HASTE, { type: "stopped" });
      signal.addEventListener("abort", giveUp);
    });
    while (this.left > 0 && !signal.aborted && !this.#silent) {
      const file = this.#files[this.#files.length - this.left];
      this.left -= 1;
      this.#progress(file, 0);
      const show = (received) => this.#progress(file, received);
      const first = this.#taken.length === 0;
      const told = upload(this.#model, file, first, signal, show);
      this.#note(file, await Promise.race([told, abandoned]));
    }
    this.#end();
  }

  stop(reason) {
    this.#stop.abort(reason);
    this.#cancel.disabled = true;
    this.#what.textContent = "Cancelling …";
    if (!this.#running) this.#end();
  }

  #progress(file, received) {
    const number = this.#files.length - this.left;
    if (!this.#stop.signal.aborted) {
      const doing = received > 0 && received === file.size ? "Opening" : "Uploading";
      this.#what.textContent = `${doing} “${file.name}”`;
    }
    [this.#bar.max, this.#bar.value] = [this.#bytes || 1, this.#before + received];
    const which = this.#files.length > 1 ? `File ${number} of ${this.#files.length} · ` : "";
    this.#amount.textContent = which + amountOf(this.#before + received, this.#bytes);
  }

  #note(file, { type, sentence, known }) {
    if (type === "done") {
      this.#taken.push(file.name);
      if (known) this.#known += 1;
      this.#before += file.size;
    } else {
      this.#bytes -= file.size;
    }
    if (type === "refused") this.#complain(sentence, 1);
    this.#silent = type === "silent";
  }

  #complain(sentence, count) {
    this.#refused += count;
    this.#problems.append(element("li", "", { textContent: sentence }));
    // A list that scrolls must be within reach of the keyboard.
    if (this.#problems.scrollHeight > this.#problems.clientHeight) this.#problems.tabIndex = 0;
  }

  #end() {
    if (this.ended) return;
    this.ended = true;
    this.left = 0;
    const focused = this.#transfer.contains(document.activeElement);
    this.#transfer.hidden = true;
    if (focused) this.element.dispatchEvent(new Event("unfocus", { bubbles: true }));
    this.#summary.textContent = this.#conclusion();
  }

  #conclusion() {
    const [count, taken, refused] = [this.#count, this.#taken.length, this.#refused];
    const fresh = taken - this.#known;
    const rest = count - taken - refused;
    const gone = this.#silent ? "The server does not answer. " : "";
    if (count === 0) return "";
    if (count === 1) {
      if (taken) return `“${this.#taken[0]}” ${fresh ? "uploaded" : "is already here"}.`;
      if (refused) return ""; // the sentence that says why is enough
      return gone ? `${gone}“${this.#files[0].name}” was not uploaded.` : "Upload cancelled.";
    }
    if (fresh === count) return `${plural(count, "file")} uploaded.`;
    const parts = [`${fresh.toLocaleString("en")} of ${plural(count, "file")} uploaded`];
    if (this.#known) parts.push(`${this.#known.toLocaleString("en")} already here`);
    if (refused) parts.push(`${refused.toLocaleString("en")} refused`);
    if (rest) parts.push(`${rest.toLocaleString("en")} ${gone ? "not sent" : "cancelled"}`);
    return `${gone}${parts.join(", ")}.`;
  }
}
